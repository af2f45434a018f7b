// Small agents without WebGL: blended into the picture's pixels by our own loop, ten times as fast as copies of a canvas.
//
// A stamp is a shape at one size in one of 32 directions: how much of the ground each of its pixels covers, and how much
// of that is the agent's colour; the rest is the rim in the ground's colour.

const TURNS = 32;
const LEVELS = 4; // of strength: faint and small to full
const FAINT = 9; // of 255: what covers less is left out
const SMALL = 44; // px of a stamp; larger shapes are copied from sheets

const stamps = {
  made: header.tables.map(() => ({ key: "" })),

  begin(now, then) {
    sheets.begin(now, then);
  },

  draw(table, alpha, shown, light, theme, images) {
    if (shown + 2 * light + 4 > SMALL) return sheets.draw(table, alpha, shown, light, theme, images);
    const about = header.tables[table];
    const rows = sheets.now.tables[table];
    const set = stampsFor(table, shown, light, theme);
    const image = below.getImageData(0, 0, camera.width, camera.height);
    const [w, h] = header.size;
    const turned = about.shape === "drop";
    for (let k = 0; k < rows.n; k++) {
      let [x, y] = placeOf(sheets.now, sheets.then, table, k, alpha);
      x -= w * Math.floor((x - images.origin[0]) / w);
      y -= h * Math.floor((y - images.origin[1]) / h);
      const level = (rows.strength[k] * (LEVELS - 1) + 127) >> 8;
      const stamp = set.stamps[level][turned ? ((rows.heading[k] + 4) & 255) >> 3 : 0];
      const opacity = 256 * (0.22 + 0.78 * (rows.strength[k] / 255));
      for (const [ox, oy] of images.offsets) {
        const inside = x + ox >= 0 && y + oy >= 0 && x + ox < w && y + oy < h;
        const px = Math.round(camera.width / 2 + (x + ox - camera.x) * camera.scale);
        const py = Math.round(camera.height / 2 - (y + oy - camera.y) * camera.scale);
        blend(image, stamp, px, py, set.colours, 3 * rows.tint[k], set.ground, inside ? opacity : opacity * theme.ghost);
      }
    }
    below.putImageData(image, 0, 0);
  },
};

function blend(image, { side, cover, ink, starts, ends }, px, py, colours, at, ground, opacity) {
  const { width, height, data } = image;
  const [left, top] = [px - (side >> 1), py - (side >> 1)];
  const lastRow = Math.min(side, height - top);
  const [r, g, b] = [colours[at], colours[at + 1], colours[at + 2]];
  for (let row = Math.max(0, -top); row < lastRow; row++) {
    const first = Math.max(starts[row], -left);
    const end = row * side + Math.min(ends[row], width - left);
    let to = 4 * ((top + row) * width + left + first);
    for (let from = row * side + first; from < end; from++, to += 4) {
      const own = (ink[from] * opacity) >> 8;
      const all = (cover[from] * opacity) >> 8;
      const rim = all - own;
      const rest = 255 - all;
      data[to] = ((data[to] * rest + r * own + ground[0] * rim) * 257 + 32768) >> 16;
      data[to + 1] = ((data[to + 1] * rest + g * own + ground[1] * rim) * 257 + 32768) >> 16;
      data[to + 2] = ((data[to + 2] * rest + b * own + ground[2] * rim) * 257 + 32768) >> 16;
    }
  }
}

/** Between which columns each row of a stamp covers something. */
function spans(cover, side) {
  const row = (k) => cover.subarray(k * side, (k + 1) * side);
  const starts = Int16Array.from({ length: side }, (_, k) => row(k).findIndex((value) => value > FAINT));
  const ends = Int16Array.from({ length: side }, (_, k) => row(k).findLastIndex((value) => value > FAINT) + 1);
  return { starts: starts.map((start) => (start < 0 ? side : start)), ends };
}

/** The stamps of a table at a size, px: drawn once in red on nothing with a black rim, and read back. */
function stampsFor(table, shown, light, theme) {
  const set = stamps.made[table];
  const key = `${Math.round(4 * shown)} ${light > 0} ${theme.name}`;
  if (set.key === key) return set;
  const about = header.tables[table];
  const turns = about.shape === "drop" ? TURNS : 1;
  const side = Math.ceil(shown + 2 * light + 4);
  const pen = Object.assign(document.createElement("canvas"), { width: side, height: side }).getContext("2d", { willReadFrequently: true });
  const levels = Array.from({ length: LEVELS }, (_, level) =>
    Array.from({ length: turns }, (_, turn) => {
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, side, side);
      pen.translate(side / 2, side / 2);
      pen.rotate((-2 * Math.PI * turn) / TURNS);
      const size = shown * (0.45 + (0.55 * level) / (LEVELS - 1));
      drawShape(pen, about, "#ff0000", size, (light * size) / shown, { ground: "#000000" });
      const pixels = pen.getImageData(0, 0, side, side).data;
      const cover = Uint8Array.from({ length: side * side }, (_, k) => pixels[4 * k + 3]);
      const ink = Uint8Array.from({ length: side * side }, (_, k) => Math.round((pixels[4 * k] * pixels[4 * k + 3]) / 255));
      return { side, cover, ink, ...spans(cover, side) };
    }),
  );
  const colours = about.colour ? Array.from({ length: 768 }, (_, k) => channels(about.colour)[k % 3]) : paletteOf(about.palette, theme);
  return Object.assign(set, { key, stamps: levels, colours, ground: channels(theme.ground) });
}
