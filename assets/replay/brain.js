// Brains: their parameters, what they sense at a tick, and what they make of it.

const ACTIVATIONS = {
  identity: (z) => z,
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  tanh: Math.tanh,
  relu: (z) => Math.max(z, 0),
  leakyrelu: (z) => (z > 0 ? z : 0.01 * z),
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  gelu: (z) => 0.5 * z * (1 + erf(z / Math.SQRT2)),
  selu: (z) => 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * Math.expm1(z)),
  hardshrink: (z) => (Math.abs(z) <= 0.5 ? 0 : z),
  mish: (z) => z * Math.tanh(z > 30 ? z : Math.log1p(Math.exp(z))),
};

/** Abramowitz and Stegun 7.1.26: right to 1.5e-7. */
function erf(z) {
  const t = 1 / (1 + 0.3275911 * Math.abs(z));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(z) * (1 - sum * Math.exp(-z * z));
}

const minds = {
  owners: null, // table name -> Map of id (or row of a shared pool) -> [block, row in it]
  blocks: new Map(), // number -> parameters, Float32Array
  sets: new Map(), // tick -> senses

  async open() {
    this.owners = {};
    if (!header.brains.length) return;
    const ids = joined64((await unpack("brains")).ids);
    let at = 0;
    header.brains.forEach(([table, , count], block) => {
      const owners = (this.owners[table] ??= new Map());
      for (let row = 0; row < count; row++) owners.set(ids[at++], [block, row]);
    });
  },

  /** Whether the brain of this entity is in the file; in a shared pool everybody's is. */
  has(table, id) {
    const about = header.minds[table];
    return Boolean(about && (about.shared || this.owners?.[table]?.has(id)));
  },

  /** {architecture, parameters} of a brain, or null: not in the file. */
  async brain(table, key) {
    if (!this.owners) await this.open();
    const found = this.owners[table]?.get(key);
    if (!found) return null;
    const [block, row] = found;
    if (!this.blocks.has(block)) this.blocks.set(block, halves(joined16((await unpack(`brains-${block}`)).parameters)));
    const all = this.blocks.get(block);
    const count = all.length / header.brains[block][2];
    return { ...header.architectures[header.brains[block][1]], parameters: all.subarray(row * count, (row + 1) * count) };
  },

  /** {tick, values, brain} that an entity sensed in the latest set at or before `tick`, or null. */
  async senses(table, id, tick) {
    const at = header.senses.findLast((known) => known <= tick);
    if (at === undefined) return null;
    if (!this.sets.has(at)) {
      this.sets.set(at, await unpack(`senses-${at}`));
      if (this.sets.size > KEPT) this.sets.delete(this.sets.keys().next().value);
    }
    const set = this.sets.get(at);
    if (!set[`${table}.ids`]) return null;
    const ids = (set[`${table}.whose`] ??= joined64(set[`${table}.ids`]));
    const values = (set[`${table}.numbers`] ??= halves(joined16(set[`${table}.values`])));
    const k = ids.indexOf(id);
    if (k < 0) return null;
    const width = values.length / ids.length;
    const brain = set[`${table}.brain`]?.[k];
    return { tick: at, brain, values: Float32Array.from({ length: width }, (_, i) => values[i * ids.length + k]) };
  },
};

/** The layers of a brain: inputs, outputs, activation, weight(i, o), bias(o). */
function layersOf(brain) {
  const layers = [];
  let at = 0;
  for (let k = 0; k + 1 < brain.widths.length; k++) {
    const [inputs, outputs] = [brain.widths[k], brain.widths[k + 1]];
    const first = at;
    const biases = (at += inputs * outputs);
    if (brain.bias) at += outputs;
    layers.push({
      inputs, outputs,
      activation: brain.activation[k] ?? brain.output,
      weight: (i, o) => brain.parameters[first + i * outputs + o],
      bias: (o) => (brain.bias ? brain.parameters[biases + o] : 0),
    });
  }
  return layers;
}

/** What every layer answers, hidden layers first. */
function forward(brain, inputs) {
  const answers = [];
  let x = inputs;
  for (const layer of layersOf(brain)) {
    const y = new Float32Array(layer.outputs);
    for (let o = 0; o < layer.outputs; o++) {
      let sum = layer.bias(o);
      for (let i = 0; i < layer.inputs; i++) sum += x[i] * layer.weight(i, o);
      y[o] = ACTIVATIONS[layer.activation](sum);
    }
    answers.push(y);
    x = y;
  }
  return answers;
}
