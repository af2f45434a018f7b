// Which part of the world the picture shows; the world's y axis points up. The same rules as in the window.

const camera = {
  x: header.size[0] / 2, y: header.size[1] / 2,
  scale: 1, // px (of the canvas) per m
  width: 1, height: 1,

  fit() {
    [this.x, this.y] = [header.size[0] / 2, header.size[1] / 2];
    this.scale = this.whole();
  },
  whole() {
    return Math.min(this.width / header.size[0], this.height / header.size[1]);
  },
  resize(width, height) {
    const first = this.width === 1;
    const factor = Math.min(width, height) / Math.min(this.width, this.height);
    [this.width, this.height] = [width, height];
    if (first) this.fit();
    else this.zoom(factor, width / 2, height / 2);
  },
  toWorld(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
  },
  /** The pixel nearest to the middle at which a place of the torus appears. */
  toPixel(x, y) {
    const [w, h] = header.size;
    const dx = x - this.x - w * Math.round((x - this.x) / w);
    const dy = y - this.y - h * Math.round((y - this.y) / h);
    return [this.width / 2 + dx * this.scale, this.height / 2 - dy * this.scale];
  },
  pan(dx, dy) {
    this.look(this.x - dx / this.scale, this.y + dy / this.scale);
  },
  look(x, y) {
    const [w, h] = header.size;
    [this.x, this.y] = [((x % w) + w) % w, ((y % h) + h) % h];
  },
  zoom(factor, px, py) {
    const [x, y] = this.toWorld(px, py);
    const closest = Math.min(this.width, this.height) / Math.min(6, ...header.size);
    this.scale = Math.min(Math.max(this.scale * factor, 0.4 * this.whole()), closest);
    this.look(x - (px - this.width / 2) / this.scale, y + (py - this.height / 2) / this.scale);
  },
  /** An origin and offsets, m: everybody moved to lie within a world's size of the origin, drawn once per offset. */
  images(margin) {
    const axis = (centre, pixels, length) => {
      const half = pixels / this.scale / 2 + margin;
      return { origin: centre - half, count: Math.ceil((2 * half) / length) };
    };
    const [h, v] = [axis(this.x, this.width, header.size[0]), axis(this.y, this.height, header.size[1])];
    const offsets = [];
    for (let j = 0; j < v.count; j++) {
      for (let i = 0; i < h.count; i++) offsets.push([i * header.size[0], j * header.size[1]]);
    }
    return { origin: [h.origin, v.origin], offsets };
  },
};
