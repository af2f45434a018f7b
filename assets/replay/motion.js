// Who is where in each frame: decodes what swarm/render/replay/motion.py encodes, and knows who goes on as whom.
//
// A frame holds for each table: n, ids, parents, born, x, y (65,536 steps across the world), heading, tint, strength,
// and `next`, the place of each entity in the following frame, or -1. Frames are decoded 32 at a time.

const STEPS = 65536;
const KEPT = 8; // decoded chunks

const motion = {
  ticks: header.chunks.flat(),
  starts: header.chunks.reduce((starts, ticks) => [...starts, starts.at(-1) + ticks.length], [0]),
  chunks: new Map(), // number -> frames, the latest used last
  coming: new Map(), // number -> promise

  chunkOf(index) {
    let chunk = 0;
    while (this.starts[chunk + 1] <= index) chunk++;
    return chunk;
  },

  /** A decoded frame, or null while it is being decoded. */
  frame(index) {
    const chunk = this.chunkOf(index);
    const frames = this.chunks.get(chunk);
    if (!frames) return this.load(index), null;
    this.chunks.delete(chunk);
    this.chunks.set(chunk, frames);
    return frames[index - this.starts[chunk]];
  },

  /** A frame and the one behind it, linked; the last frame is followed by itself. Null while they are being decoded. */
  pair(index) {
    const now = this.frame(index);
    const then = this.frame(Math.min(index + 1, this.ticks.length - 1));
    if (!now || !then) return null;
    if (now !== then) link(now, then);
    return [now, then];
  },

  /** Decodes the chunk that holds a frame. */
  load(index) {
    const chunk = this.chunkOf(index);
    if (this.chunks.has(chunk)) return Promise.resolve();
    if (!this.coming.has(chunk)) {
      const done = unpack(`frames-${chunk}`).then((arrays) => {
        this.chunks.set(chunk, decode(arrays));
        this.coming.delete(chunk);
        while (this.chunks.size > KEPT) this.chunks.delete(this.chunks.keys().next().value);
      });
      this.coming.set(chunk, done);
    }
    return this.coming.get(chunk);
  },
};

function decode(arrays) {
  const frames = Array.from(arrays.ticks, (tick) => ({ tick, tables: [] }));
  header.tables.forEach((_, table) => {
    const part = {};
    for (const key of Object.keys(arrays)) {
      if (key.startsWith(`${table}.`)) part[key.slice(key.indexOf(".") + 1)] = arrays[key];
    }
    decodeTable(part).forEach((rows, k) => frames[k].tables.push(rows));
  });
  return frames;
}

function decodeTable(part) {
  const slots = joined32(part.slots);
  for (let k = 1; k < slots.length; k++) slots[k] += slots[k - 1];
  const generations = joined32(part.generations);
  const parents = joined64(part.parents);
  const born = Int32Array.from(joined32(part.born));
  const left = { x: joined16(part.x), y: joined16(part.y) };
  const frames = [];
  let last = empty(0);
  let came = 0, went = 0, told = 0;
  for (let k = 0; k < part.arrive.length; k++) {
    const gone = part.gone.subarray(went, went + part.leave[k]);
    const stay = others(last.n, gone);
    const rows = empty(stay.length + part.arrive[k]);
    goOn(rows.x, rows.dx, last.x, last.dx, stay, left.x, told);
    goOn(rows.y, rows.dy, last.y, last.dy, stay, left.y, told);
    change(rows.heading, last.heading, stay, part.heading, told);
    change(rows.tint, last.tint, stay, part.tint, told);
    change(rows.strength, last.strength, stay, part.strength, told);
    inherit(rows.ids, last.ids, stay, (k) => slots[came + k] * 2 ** 32 + generations[came + k]);
    inherit(rows.parents, last.parents, stay, (k) => parents[came + k]);
    inherit(rows.born, last.born, stay, (k) => born[came + k]);
    if (frames.length) {
      last.next = new Int32Array(last.n).fill(-1);
      stay.forEach((from, to) => (last.next[from] = to));
    }
    came += part.arrive[k];
    went += gone.length;
    told += rows.n;
    frames.push(rows);
    last = rows;
  }
  return frames;
}

/** The numbers below n that are not in `gone`, which is sorted. */
function others(n, gone) {
  const stay = new Int32Array(n - gone.length);
  for (let from = 0, to = 0, leaving = 0; from < n; from++) {
    if (gone[leaving] === from) leaving++;
    else stay[to++] = from;
  }
  return stay;
}

/** Positions: the last one and the last step, and what is left over; newborns are told whole. All modulo 2^16. */
function goOn(now, step, last, lastStep, stay, left, told) {
  const kept = stay.length;
  for (let k = 0; k < kept; k++) {
    const from = stay[k];
    now[k] = last[from] + lastStep[from] + signed(left[told + k]);
    step[k] = now[k] - last[from];
  }
  for (let k = kept; k < now.length; k++) now[k] = signed(left[told + k]);
}

/** Bytes: the last one and the change; newborns are told whole. */
function change(now, last, stay, told, at) {
  const kept = stay.length;
  for (let k = 0; k < kept; k++) now[k] = last[stay[k]] + told[at + k];
  for (let k = kept; k < now.length; k++) now[k] = told[at + k];
}

/** What stays as it is for life. */
function inherit(now, last, stay, newborn) {
  const kept = stay.length;
  for (let k = 0; k < kept; k++) now[k] = last[stay[k]];
  for (let k = kept; k < now.length; k++) now[k] = newborn(k - kept);
}

function empty(n) {
  return {
    n,
    ids: new Float64Array(n), parents: new Float64Array(n), born: new Int32Array(n),
    x: new Uint16Array(n), y: new Uint16Array(n), dx: new Uint16Array(n), dy: new Uint16Array(n),
    heading: new Uint8Array(n), tint: new Uint8Array(n), strength: new Uint8Array(n),
    next: null,
  };
}

/** 0, 1, 2, 3, ... stand for 0, -1, 1, -2, ... */
function signed(value) {
  return value & 1 ? -((value + 1) >> 1) : value >> 1;
}

/** Finds everybody of `now` in `then`, where these belong to different chunks. */
function link(now, then) {
  now.tables.forEach((rows, table) => {
    if (rows.next) return;
    const place = new Map(Array.from(then.tables[table].ids, (id, k) => [id, k]));
    rows.next = Int32Array.from(rows.ids, (id) => place.get(id) ?? -1);
  });
}

/** Where row k of a table is, in m, `alpha` of the way to the next frame: the short way round the torus. */
function placeOf(now, then, table, k, alpha) {
  const rows = now.tables[table];
  const next = now === then || !header.tables[table].moves ? -1 : rows.next[k];
  let x = rows.x[k], y = rows.y[k];
  if (next >= 0) {
    const after = then.tables[table];
    x += alpha * (((after.x[next] - x + 98304) % STEPS) - 32768);
    y += alpha * (((after.y[next] - y + 98304) % STEPS) - 32768);
  }
  return [(((x + STEPS) % STEPS) / STEPS) * header.size[0], (((y + STEPS) % STEPS) / STEPS) * header.size[1]];
}
