// Agents without WebGL: copies from a sheet that holds one table's shape in 64 colours at the size in force.

const COLOURS = 64; // per sheet; a palette has 256
const LARGEST = 96; // px; larger shapes are enlarged copies

const sheets = {
  made: header.tables.map(() => ({ key: "" })),

  begin(now, then) {
    [this.now, this.then] = [now, then];
  },

  draw(table, alpha, shown, light, theme, { origin, offsets }) {
    const about = header.tables[table];
    const rows = this.now.tables[table];
    const sheet = sheetFor(table, shown, light, theme);
    const half = sheet.cell / 2;
    const [w, h] = header.size;
    for (let k = 0; k < rows.n; k++) {
      let [x, y] = placeOf(this.now, this.then, table, k, alpha);
      x -= w * Math.floor((x - origin[0]) / w);
      y -= h * Math.floor((y - origin[1]) / h);
      const full = rows.strength[k] / 255;
      const size = sheet.enlarged * (0.45 + 0.55 * full);
      const colour = rows.tint[k] >> 2;
      const turn = about.shape === "drop" ? (rows.heading[k] * Math.PI) / 128 : 0;
      const [c, s] = [size * Math.cos(turn), size * Math.sin(turn)];
      for (const [ox, oy] of offsets) {
        const inside = x + ox >= 0 && y + oy >= 0 && x + ox < w && y + oy < h;
        const px = camera.width / 2 + (x + ox - camera.x) * camera.scale;
        const py = camera.height / 2 - (y + oy - camera.y) * camera.scale;
        below.globalAlpha = (0.22 + 0.78 * full) * (inside ? 1 : theme.ghost);
        below.setTransform(c, -s, s, c, px, py);
        const [left, top] = [(colour & 7) * sheet.cell, (colour >> 3) * sheet.cell];
        below.drawImage(sheet.canvas, left, top, sheet.cell, sheet.cell, -half, -half, sheet.cell, sheet.cell);
      }
    }
    below.setTransform(1, 0, 0, 1, 0, 0);
  },
};

/** The sheet of a table at a size, px; made anew when the size, the light or the theme has changed. */
function sheetFor(table, shown, light, theme) {
  const drawn = Math.min(shown, LARGEST);
  const step = 2 ** (Math.round(8 * Math.log2(drawn)) / 8); // sizes within 5% share a sheet
  const key = `${step} ${light > 0} ${theme.name}`;
  const sheet = sheets.made[table];
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

