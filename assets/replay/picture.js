// The picture in three layers: ground, heat maps and marks below; the agents; marks above, the ring and the scale.
//
// Ground and marks are drawn with canvas 2D, agents with WebGL 2 (`sprites.js`) or, where the graphics card does not do
// it, by the processor: small ones pixel by pixel (`stamps.js`), large ones as copies (`sheets.js`). Shapes, sizes and
// lights are those of the window.

const LEGIBLE = { drop: 9, disc: 4.5, ring: 6 }; // px, a point each: shapes are enlarged to this where there is room

const canvas = document.getElementById("above"); // takes the mouse, too
const card = gpu(document.getElementById("agents"));
const below = document.getElementById("below").getContext("2d", { alpha: false, willReadFrequently: !card });
const above = canvas.getContext("2d");
let context = below; // the layer that is drawn into
let agents = card ?? stamps;

/** Draws one moment: a frame, the next, and how far it is between. */
function drawPicture(now, then, alpha, scenery, theme, selected, dpr) {
  const marks = scenery ?? [];
  context = below;
  drawGround(theme);
  for (const mark of marks) if (mark.kind === "heat") drawHeat(mark, theme);
  for (const mark of marks) if (mark.kind !== "heat" && !mark.over) drawMark(mark, theme, dpr);
  agents.begin(now, then);
  header.tables.forEach((about, table) => {
    const n = now.tables[table].n;
    if (!n) return;
    const spacing = camera.scale * Math.sqrt((header.size[0] * header.size[1]) / n);
    const length = Math.max(about.length * camera.scale, Math.min(LEGIBLE[about.shape] * dpr, 0.55 * spacing), 1.5);
    const light = theme.glow && about.glow ? Math.min(40 * dpr, 0.7 * length) : 0;
    agents.draw(table, alpha, length, light, theme, camera.images((2 + length + light) / camera.scale));
  });
  context = above;
  above.setTransform(1, 0, 0, 1, 0, 0);
  above.clearRect(0, 0, camera.width, camera.height);
  for (const mark of marks) if (mark.kind !== "heat" && mark.over) drawMark(mark, theme, dpr);
  if (selected) drawRing(selected, theme, dpr);
  drawScale(theme, dpr);
}

function drawGround(theme) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
  context.fillStyle = theme.beyond;
  context.fillRect(0, 0, camera.width, camera.height);
  const { width, height, left, top } = worldBox();
  context.fillStyle = theme.ground;
  context.fillRect(left, top, width, height);
  const cell = rounded(90 / camera.scale);
  context.fillStyle = theme.line;
  context.globalAlpha = theme.grid;
  for (let x = 0; x < header.size[0]; x += cell) context.fillRect(Math.round(left + x * camera.scale), top, 1, height);
  for (let y = 0; y < header.size[1]; y += cell) {
    context.fillRect(left, Math.round(top + height - y * camera.scale), width, 1);
  }
  context.globalAlpha = theme.edge;
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(Math.round(left) - 0.5, Math.round(top) - 0.5, Math.round(width) + 1, Math.round(height) + 1);
  context.globalAlpha = 1;
}

/** The world itself on the canvas, px. */
function worldBox() {
  const [width, height] = [header.size[0] * camera.scale, header.size[1] * camera.scale];
  const left = camera.width / 2 - camera.x * camera.scale;
  return { width, height, left, top: camera.height / 2 - (header.size[1] - camera.y) * camera.scale };
}

function drawRing([x, y, length], theme, dpr) {
  const [px, py] = camera.toPixel(x, y);
  const radius = Math.max(11 * dpr, 0.9 * length * camera.scale);
  context.lineWidth = 1.75 * dpr;
  context.strokeStyle = theme.accent;
  context.beginPath();
  context.arc(px, py, radius, 0, 2 * Math.PI);
  context.stroke();
}

function drawScale(theme, dpr) {
  const length = rounded((130 * dpr) / camera.scale);
  const width = length * camera.scale;
  const [x, y] = [camera.width - 26 * dpr, camera.height - 92 * dpr];
  context.strokeStyle = context.fillStyle = theme.quiet;
  context.lineWidth = 1.2 * dpr;
  context.beginPath();
  context.moveTo(x - width, y - 5 * dpr);
  context.lineTo(x - width, y);
  context.lineTo(x, y);
  context.lineTo(x, y - 5 * dpr);
  context.stroke();
  context.font = `${11 * dpr}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.fillText(`${number(length)} m`, x - width / 2, y - 6 * dpr);
}

/** The largest of 1, 2, 5, 10, 20, ... that is at most `length`. */
function rounded(length) {
  const base = 10 ** Math.floor(Math.log10(length));
  return base * [5, 2, 1].find((k) => k * base <= length * (1 + 1e-9));
}

// --- fields and marks -----------------------------------------------------------------------------------------------

/** Reads the marks in force at a tick. */
const scenery = {
  sets: new Map(),
  async at(tick) {
    const known = header.scenery.findLast((at) => at <= tick);
    if (known === undefined) return null;
    if (!this.sets.has(known)) {
      const arrays = await unpack(`scenery-${known}`);
      const marks = JSON.parse(new TextDecoder().decode(arrays.marks));
      let heats = 0;
      for (const mark of marks) if (mark.kind === "heat") mark.cells = arrays[`heat ${heats++}`];
      this.sets.set(known, marks);
      if (this.sets.size > 2 * KEPT) this.sets.delete(this.sets.keys().next().value);
    }
    return this.sets.get(known);
  },
};

function drawHeat(mark, theme) {
  if (mark.shown !== theme.name) {
    const image = new ImageData(mark.columns, mark.rows);
    const colours = mark.colour ? null : paletteOf(mark.palette, theme);
    const plain = mark.colour ? channels(mark.colour) : null;
    for (let row = 0; row < mark.rows; row++) {
      for (let column = 0; column < mark.columns; column++) {
        const value = mark.cells[row * mark.columns + column];
        const at = 4 * ((mark.rows - 1 - row) * mark.columns + column);
        for (let c = 0; c < 3; c++) image.data[at + c] = plain ? plain[c] : colours[3 * value + c];
        image.data[at + 3] = 255 * mark.alpha * (mark.fade ? value / 255 : 1);
      }
    }
    mark.canvas = document.createElement("canvas");
    [mark.canvas.width, mark.canvas.height] = [mark.columns, mark.rows];
    mark.canvas.getContext("2d").putImageData(image, 0, 0);
    mark.shown = theme.name;
  }
  const { width, height, left, top } = worldBox();
  context.imageSmoothingEnabled = mark.smooth;
  for (let j = -1; j <= 1; j++) {
    for (let i = -1; i <= 1; i++) {
      context.globalAlpha = i || j ? theme.ghost : 1;
      context.drawImage(mark.canvas, left + i * width, top + j * height, width, height);
    }
  }
  context.globalAlpha = 1;
}

function drawMark(mark, theme, dpr) {
  const { height, left, top } = worldBox();
  const s = camera.scale;
  const place = ([x, y]) => [left + x * s, top + height - y * s];
  context.globalAlpha = mark.alpha;
  context.fillStyle = context.strokeStyle = mark.colour[theme.name];
  context.beginPath();
  if (mark.kind === "box") {
    const [x, y] = place(mark.at);
    const [w, h] = [mark.size[0] * s, mark.size[1] * s];
    context.roundRect(x - w / 2, y - h / 2, w, h, Math.min(mark.radius * s, w / 2, h / 2));
    context.lineWidth = (mark.outline ?? 0) * dpr;
    if (mark.outline === null) context.fill();
    else context.stroke();
  } else if (mark.kind === "line") {
    mark.points.forEach((point, k) => (k ? context.lineTo(...place(point)) : context.moveTo(...place(point))));
    context.lineWidth = mark.width * s;
    context.lineCap = context.lineJoin = "round";
    context.stroke();
  } else {
    context.font = `${mark.weight > 1.1 ? 600 : 400} ${(mark.size * s) / 0.72}px system-ui, sans-serif`;
    context.textAlign = mark.align === "centre" ? "center" : mark.align;
    context.fillText(mark.text, ...place(mark.at));
  }
  context.globalAlpha = 1;
}

// --- colours --------------------------------------------------------------------------------------------------------

const palettes = {};

/** A palette's 256 colours, three bytes each. */
function paletteOf(name, theme) {
  const hex = header.palettes[name][theme.name];
  return (palettes[`${name} ${theme.name}`] ??= Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16)));
}

/** The colour of a table's value 0..255. */
function colourOf(about, value, theme) {
  if (about.colour) return about.colour;
  const colours = paletteOf(about.palette, theme);
  return `#${[0, 1, 2].map((c) => colours[3 * Math.min(255, value) + c].toString(16).padStart(2, "0")).join("")}`;
}

function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

function withAlpha(colour, alpha) {
  return `rgb(${channels(colour).join(" ")} / ${alpha.toFixed(3)})`;
}
