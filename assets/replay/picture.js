// The picture: ground, heat maps, marks, and every agent as a sprite stamped from a sheet of its table's colours.
//
// Canvas 2D, so that it draws with and without a GPU. A sheet holds one shape in 64 colours at the size in force; an
// agent costs one turned copy of a cell. Shapes, sizes and lights are those of the window.

const COLOURS = 64; // per sheet; a palette has 256
const LARGEST = 96; // px; larger shapes are enlarged copies
const LEGIBLE = { drop: 9, disc: 4.5, ring: 6 }; // px, a point each: shapes are enlarged to this where there is room

const canvas = document.getElementById("picture");
const context = canvas.getContext("2d", { alpha: false });
const sheets = header.tables.map(() => ({ key: "" }));

/** Draws one moment: a frame, the next, and how far it is between. */
function drawPicture(now, then, alpha, scenery, theme, selected, dpr) {
  drawGround(theme);
  for (const mark of scenery ?? []) if (mark.kind === "heat") drawHeat(mark, theme);
  for (const mark of scenery ?? []) if (mark.kind !== "heat" && !mark.over) drawMark(mark, theme, dpr);
  header.tables.forEach((_, table) => drawTable(now, then, alpha, table, theme, dpr));
  for (const mark of scenery ?? []) if (mark.kind !== "heat" && mark.over) drawMark(mark, theme, dpr);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
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

function drawTable(now, then, alpha, table, theme, dpr) {
  const about = header.tables[table];
  const rows = now.tables[table];
  if (!rows.n) return;
  const spacing = camera.scale * Math.sqrt((header.size[0] * header.size[1]) / rows.n);
  const length = about.length * camera.scale;
  const shown = Math.max(length, Math.min(LEGIBLE[about.shape] * dpr, 0.55 * spacing), 1.5);
  const light = theme.glow && about.glow ? Math.min(40 * dpr, 0.7 * shown) : 0;
  const sheet = sheetFor(table, shown, light, theme);
  const enlarged = sheet.enlarged;
  const margin = (2 + shown + light) / camera.scale;
  const { origin, offsets } = camera.images(margin);
  const [w, h] = header.size;
  const moves = about.moves && now !== then;
  const turned = about.moves && about.shape === "drop";
  const after = moves ? then.tables[table] : null;
  const half = sheet.cell / 2;
  const toMetres = [w / STEPS, h / STEPS];
  const { x, y, heading, tint, strength, next } = rows;
  context.imageSmoothingEnabled = true;
  for (let k = 0; k < rows.n; k++) {
    let px = x[k], py = y[k], angle = heading[k];
    if (moves) {
      const to = next[k];
      if (to >= 0) {
        px += alpha * (((after.x[to] - px + 98304) % STEPS) - 32768);
        py += alpha * (((after.y[to] - py + 98304) % STEPS) - 32768);
        angle += alpha * (((after.heading[to] - angle + 384) % 256) - 128);
      }
    }
    px *= toMetres[0];
    py *= toMetres[1];
    px -= w * Math.floor((px - origin[0]) / w);
    py -= h * Math.floor((py - origin[1]) / h);
    const full = strength[k] / 255;
    const size = enlarged * (0.45 + 0.55 * full);
    const visible = 0.22 + 0.78 * full;
    const colour = tint[k] >> 2;
    const [sx, sy] = [(colour & 7) * sheet.cell, (colour >> 3) * sheet.cell];
    for (const [ox, oy] of offsets) {
      const [ix, iy] = [px + ox, py + oy];
      const cx = camera.width / 2 + (ix - camera.x) * camera.scale;
      const cy = camera.height / 2 - (iy - camera.y) * camera.scale;
      const reach = half * size;
      if (cx < -reach || cy < -reach || cx > camera.width + reach || cy > camera.height + reach) continue;
      const inside = ix >= 0 && iy >= 0 && ix < w && iy < h;
      context.globalAlpha = inside ? visible : visible * theme.ghost;
      if (turned) {
        const radians = (angle * Math.PI) / 128;
        const [c, s] = [size * Math.cos(radians), size * Math.sin(radians)];
        context.setTransform(c, -s, s, c, cx, cy);
        context.drawImage(sheet.canvas, sx, sy, sheet.cell, sheet.cell, -half, -half, sheet.cell, sheet.cell);
      } else {
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.drawImage(sheet.canvas, sx, sy, sheet.cell, sheet.cell, cx - reach, cy - reach, 2 * reach, 2 * reach);
      }
    }
  }
}

/** The sheet of a table at a size, px; made anew when the size, the light or the theme has changed. */
function sheetFor(table, shown, light, theme) {
  const drawn = Math.min(shown, LARGEST);
  const step = 2 ** (Math.round(8 * Math.log2(drawn)) / 8); // sizes within 5% share a sheet
  const key = `${step} ${light > 0} ${theme.name}`;
  const sheet = sheets[table];
  if (sheet.key !== key) {
    const reach = (light * step) / shown;
    const cell = Math.ceil(step + 2 * reach + 4);
    sheet.canvas = document.createElement("canvas");
    sheet.canvas.width = sheet.canvas.height = 8 * cell;
    const pen = sheet.canvas.getContext("2d");
    const about = header.tables[table];
    for (let colour = 0; colour < COLOURS; colour++) {
      pen.setTransform(1, 0, 0, 1, ((colour & 7) + 0.5) * cell, ((colour >> 3) + 0.5) * cell);
      drawShape(pen, about, colourOf(about, 4 * colour + 2, theme), step, reach, theme);
    }
    Object.assign(sheet, { key, cell, step });
  }
  sheet.enlarged = shown / sheet.step;
  return sheet;
}

function drawShape(pen, about, ink, length, light, theme) {
  if (light > 0) {
    const far = light + 0.3 * length;
    const halo = pen.createRadialGradient(0, 0, 0, 0, 0, far);
    for (const r of [0, 0.15, 0.3, 0.5, 0.7, 1]) halo.addColorStop(r, withAlpha(ink, about.glow * (1 - r) ** 2.2));
    pen.fillStyle = halo;
    pen.fillRect(-far, -far, 2 * far, 2 * far);
  }
  pen.beginPath();
  if (about.shape === "drop") {
    const [head, tail] = [0.23 * length, Math.max(0.4, 0.035 * length)];
    const [front, back] = [0.5 * length - head, tail - 0.5 * length];
    const lean = Math.acos((head - tail) / (front - back)); // where the outer tangents touch
    pen.arc(front, 0, head, -lean, lean);
    pen.arc(back, 0, tail, lean, -lean);
    pen.closePath();
    const fade = pen.createLinearGradient(front, 0, back, 0);
    const faded = 0.72 * Math.min(1, Math.max(0, (length - 4) / 5));
    for (const r of [0, 0.25, 0.5, 0.75, 1]) fade.addColorStop(r, withAlpha(ink, 1 - faded * r * r));
    if (length > 7) {
      pen.lineWidth = 2;
      pen.strokeStyle = withAlpha(theme.ground, 0.5);
      pen.stroke();
    }
    pen.fillStyle = fade;
    pen.fill();
  } else if (about.shape === "ring") {
    pen.arc(0, 0, 0.38 * length, 0, 2 * Math.PI);
    pen.lineWidth = Math.max(1, 0.18 * length);
    pen.strokeStyle = ink;
    pen.stroke();
  } else {
    const radius = 0.5 * length;
    const fade = pen.createRadialGradient(0, 0, 0, 0, 0, radius);
    const rim = length > 8 ? 0.54 : 0.78;
    fade.addColorStop(0, withAlpha(ink, 0.82));
    fade.addColorStop(0.78, withAlpha(ink, rim));
    fade.addColorStop(1, withAlpha(ink, length > 3 ? 0 : 0.5));
    pen.arc(0, 0, radius, 0, 2 * Math.PI);
    pen.fillStyle = fade;
    pen.fill();
  }
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
