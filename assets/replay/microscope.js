// The microscope: the brain of the agent that was clicked. Its senses as they were stored, its weights as colours, and
// what it makes of them, computed here from both.

const NAMED = 48; // inputs and outputs that are listed by name; more are drawn without
const DRAWN = 4000; // weights that are drawn, the largest first

const microscope = {
  id: null, table: null, // what is selected: an id and the number of its table
  alive: false,
  senses: null, brain: null, answers: null, // what is shown; null: not in the file
  hovered: -1, // input whose weights are brought out
  shown: "",

  panel: document.getElementById("microscope"),

  close() {
    [this.id, this.table, this.senses, this.brain, this.answers] = [null, null, null, null, null];
    this.panel.hidden = true;
  },

  /** Looks the entity up again in a frame, and shows what is known at its tick. */
  async show(id, table, frame, theme) {
    const same = id === this.id;
    [this.id, this.table] = [id, table];
    const name = header.tables[table].name;
    const rows = frame.tables[table];
    const row = rows.ids.indexOf(id);
    this.alive = row >= 0;
    if (this.alive) [this.born, this.parent] = [rows.born[row], rows.parents[row]];
    else if (!same) [this.born, this.parent] = [-1, 0];
    const senses = this.alive ? await minds.senses(name, id, frame.tick) : same ? this.senses : null;
    const brain = await minds.brain(name, header.minds[name]?.shared ? senses?.brain : id);
    if (id !== this.id) return;
    [this.senses, this.brain] = [senses, brain];
    this.answers = senses && brain ? forward(brain, senses.values) : null;
    this.build(name, theme);
    this.write(frame.tick);
    this.draw(theme);
  },

  /** The panel's rows, made anew for another agent. */
  build(name, theme) {
    const key = `${this.id} ${Boolean(this.senses)} ${Boolean(this.brain)} ${theme.name}`;
    if (key === this.shown && !this.panel.hidden) return;
    this.shown = key;
    this.hovered = -1;
    this.panel.hidden = false;
    document.getElementById("who").textContent = `${name} ${Math.floor(this.id / 2 ** 32).toLocaleString("en")}`;
    document.getElementById("whoid").textContent = `id ${this.id}`;
    const mind = header.minds[name];
    const parent = document.getElementById("parent");
    parent.hidden = !this.parent;
    parent.textContent = `child of ${Math.floor(this.parent / 2 ** 32).toLocaleString("en")}`;
    parent.dataset.id = this.parent;
    const network = document.getElementById("network");
    network.hidden = document.getElementById("about").hidden = !mind || !(this.brain || this.senses);
    if (network.hidden) return;
    const list = (which, labels) => {
      const many = labels.length > NAMED;
      const rows = many ? [] : labels.map((label, k) => unit(label, which, k));
      document.getElementById(which).replaceChildren(...rows);
      network.classList.toggle(`many-${which}`, many);
    };
    list("senses", mind.inputs);
    list("actions", mind.outputs);
    const listed = [mind.inputs.length, mind.outputs.length].filter((count) => count <= NAMED);
    const rows = Math.max(...listed, 22);
    network.style.setProperty("--height", `${rows * 17}px`);
    document.getElementById("architecture").textContent = this.brain ? described(this.brain) : "";
  },

  /** The numbers of the rows, and what is to be said about them. */
  write(tick) {
    const mind = header.minds[header.tables[this.table].name];
    const age = this.born < 0 ? "there from the start" : `born at tick ${this.born.toLocaleString("en")}`;
    document.getElementById("life").textContent = this.alive ? age : `${age}, not alive at tick ${tick.toLocaleString("en")}`;
    const note = document.getElementById("note");
    if (!mind) note.textContent = "This one has no brain.";
    else if (!this.brain && !mind.shared) {
      note.textContent =
        header.brainsOneIn > 1
          ? `To stay below 20 MB this file holds the brain of one agent in ${header.brainsOneIn}, and not this one's. Click another.`
          : "The brain of this one is not in the file.";
    } else if (!this.senses) note.textContent = "Its senses are not in the file yet at this tick.";
    else note.textContent = `Senses of tick ${this.senses.tick.toLocaleString("en")}, and what the brain makes of them.`;
    fill("senses", this.senses?.values ?? []);
    fill("actions", this.answers?.at(-1) ?? []);
  },

  draw(theme) {
    const surface = document.getElementById("brain");
    if (!this.brain || this.panel.hidden) return void (surface.clientWidth && sized(surface));
    const pen = sized(surface);
    const dpr = devicePixelRatio;
    const [width, height] = [surface.width, surface.height];
    const layers = layersOf(this.brain);
    const widths = this.brain.widths;
    const at = (layer, k) => {
      const x = 7 * dpr + (layer / (widths.length - 1)) * (width - 14 * dpr);
      const listed = layer === 0 ? "senses" : layer === widths.length - 1 ? "actions" : "";
      const row = listed && document.getElementById(listed).children[k];
      if (row) return [x, (row.offsetTop + row.offsetHeight / 2) * dpr];
      const inner = layer === 0 || layer === widths.length - 1 ? height : 0.94 * height;
      return [x, height / 2 + ((k + 0.5) / widths[layer] - 0.5) * inner];
    };
    const [plus, minus] = [theme.accent, theme.name === "dark" ? "#62c1ff" : "#005b91"];
    layers.forEach((layer, number) => {
      const edges = [];
      for (let i = 0; i < layer.inputs; i++) {
        for (let o = 0; o < layer.outputs; o++) edges.push([i, o, layer.weight(i, o)]);
      }
      edges.sort((a, b) => Math.abs(a[2]) - Math.abs(b[2]));
      const drawn = edges.slice(-DRAWN);
      const largest = Math.abs(drawn.at(-1)[2]) || 1;
      for (const [i, o, weight] of drawn) {
        const part = Math.abs(weight) / largest;
        const brought = this.hovered < 0 ? 0.55 : number === 0 && i === this.hovered ? 1 : 0.08;
        pen.globalAlpha = brought * part ** 1.5;
        if (pen.globalAlpha < 0.015) continue;
        pen.strokeStyle = weight > 0 ? plus : minus;
        pen.lineWidth = (0.4 + 1.4 * part) * dpr;
        pen.beginPath();
        pen.moveTo(...at(number, i));
        pen.lineTo(...at(number + 1, o));
        pen.stroke();
      }
    });
    const values = [this.senses?.values, ...(this.answers ?? [])];
    widths.forEach((count, layer) => {
      const radius = Math.min(4.5, Math.max(1.5, (0.36 * height) / dpr / count)) * dpr;
      for (let k = 0; k < count; k++) {
        const value = values[layer]?.[k] ?? 0;
        pen.globalAlpha = 1;
        pen.beginPath();
        pen.arc(...at(layer, k), radius, 0, 2 * Math.PI);
        pen.fillStyle = theme.panel;
        pen.fill();
        pen.globalAlpha = Math.min(1, Math.abs(value));
        pen.fillStyle = value > 0 ? plus : minus;
        pen.fill();
        pen.globalAlpha = 0.7;
        pen.lineWidth = dpr;
        pen.strokeStyle = theme.quiet;
        pen.stroke();
      }
    });
    pen.globalAlpha = 1;
  },
};

/** One sense or action: its name, a bar from the middle, its value. */
function unit(label, which, k) {
  const row = element("div", { class: "unit", "data-unit": k });
  row.append(element("span", { class: "name", text: label, title: label }), element("span", { class: "bar" }, element("i")));
  row.append(element("span", { class: "value" }));
  if (which === "senses") {
    row.addEventListener("pointerenter", () => hover(k));
    row.addEventListener("pointerleave", () => hover(-1));
  }
  return row;
}

function hover(k) {
  microscope.hovered = k;
  microscope.draw(player.theme);
}

function fill(which, values) {
  [...document.getElementById(which).children].forEach((row, k) => {
    const value = values[k] ?? null;
    const part = value === null ? 0 : Math.min(1, Math.abs(value));
    const bar = row.querySelector(".bar i");
    bar.style.width = `${50 * part}%`;
    bar.style.left = value < 0 ? `${50 - 50 * part}%` : "50%";
    bar.className = value < 0 ? "minus" : "plus";
    row.querySelector(".value").textContent = value === null ? "" : value.toFixed(2);
  });
}

function described(brain) {
  const kinds = [...new Set(brain.activation)].join("/");
  const out = brain.output === "identity" ? "" : ` → ${brain.output}`;
  return `${brain.widths.join("–")} ${kinds}${out}, ${brain.parameters.length.toLocaleString("en")} parameters`;
}
