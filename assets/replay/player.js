// The player: what is shown when, keys, mouse and fingers.

const SPEEDS = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16];
const REACH = 16; // px, a point each: how near a click must be to an agent
const RATHER = 24; // px, a point each: how much farther one may be whose brain is in the file

const player = {
  at: 0, // frames from the start, with fractions
  playing: false,
  speed: 1,
  following: false,
  theme: null,
  choice: "auto", // "auto", "dark" or "light"
  marks: null,
  shown: -1, // the frame whose figures are shown
  stale: true, // the picture must be drawn again

  get frames() {
    return motion.ticks.length;
  },
  get index() {
    return Math.min(Math.floor(this.at), this.frames - 1);
  },

  /** Goes to a frame and resolves when it is on the screen. */
  async seek(at) {
    this.at = Math.min(Math.max(at, 0), this.frames - 1);
    this.stale = true;
    await Promise.all([motion.load(this.index), motion.load(Math.min(this.index + 1, this.frames - 1))]);
    await this.about(this.index);
    this.draw();
  },

  play(on = !this.playing) {
    if (on && this.at >= this.frames - 1) this.at = 0;
    this.playing = on;
    document.body.classList.toggle("playing", on);
    document.getElementById("play").setAttribute("aria-label", on ? "Pause" : "Play");
  },

  faster(steps) {
    const at = SPEEDS.indexOf(this.speed) + steps;
    this.speed = SPEEDS[Math.min(Math.max(at, 0), SPEEDS.length - 1)];
    document.getElementById("speed").value = this.speed;
  },

  /** Everything that changes with the frame but the agents: figures, marks, the selected brain. */
  async about(index) {
    if (this.shown === index) return;
    this.shown = index;
    showFigures(index, this.theme);
    showLegend(index);
    const slider = document.getElementById("slider");
    if (document.activeElement !== slider || this.playing) slider.value = index;
    slider.setAttribute("aria-valuetext", `tick ${motion.ticks[index]}`);
    const marks = await scenery.at(motion.ticks[index]);
    if (this.shown === index) this.marks = marks;
    const frame = motion.frame(index);
    if (microscope.id !== null && frame) await microscope.show(microscope.id, microscope.table, frame, this.theme);
    this.stale = true;
  },

  draw() {
    const pair = motion.pair(this.index);
    if (!pair) return;
    const alpha = this.at - this.index;
    const place = microscope.id === null ? null : this.place(microscope.id);
    if (place && this.following) camera.look(...place);
    const ring = place && [...place, header.tables[microscope.table].length];
    drawPicture(...pair, alpha, this.marks, this.theme, ring, devicePixelRatio);
    this.stale = false;
  },

  /** Where an entity is shown now, m; null when it is not there. */
  place(id) {
    const pair = motion.pair(this.index);
    if (!pair) return null;
    for (let table = 0; table < header.tables.length; table++) {
      const k = pair[0].tables[table].ids.indexOf(id);
      if (k >= 0) return placeOf(...pair, table, k, this.at - this.index);
    }
    return null;
  },

  /** The entity nearest to a pixel of the canvas, [id, table]: rather one with a brain in the file. */
  pick(px, py) {
    const pair = motion.pair(this.index);
    let found = null;
    let best = Infinity;
    const [reach, rather] = [REACH * devicePixelRatio, RATHER * devicePixelRatio];
    header.tables.forEach((about, table) => {
      const rows = pair ? pair[0].tables[table] : { n: 0 };
      for (let k = 0; k < rows.n; k++) {
        const [x, y] = camera.toPixel(...placeOf(...pair, table, k, this.at - this.index));
        const away = Math.hypot(x - px, y - py);
        const known = minds.has(about.name, rows.ids[k]);
        if (away > Math.max(reach, 0.6 * about.length * camera.scale) + (known ? rather : 0)) continue;
        const cost = away + (header.minds[about.name] ? 0 : 1e6) + (known ? 0 : rather);
        if (cost < best) [best, found] = [cost, [rows.ids[k], table]];
      }
    });
    return found;
  },

  async select(id, table) {
    const frame = motion.frame(this.index);
    if (id === null || !frame) microscope.close();
    else await microscope.show(id, table, frame, this.theme);
    this.stale = true;
  },

  themed() {
    const light = this.choice === "auto" ? matchMedia("(prefers-color-scheme: light)").matches : this.choice === "light";
    this.theme = { name: light ? "light" : "dark", ...header.themes[light ? "light" : "dark"] };
    document.documentElement.dataset.theme = this.theme.name;
    for (const key of ["ground", "line", "panel", "text", "quiet", "accent"]) {
      document.documentElement.style.setProperty(`--${key}`, this.theme[key]);
    }
    buildLegend(this.theme);
    drawTrack(this.theme);
    this.shown = -1;
    this.about(this.index);
    this.stale = true;
  },
};

function frame(now) {
  const elapsed = Math.min(0.1, (now - (player.last ?? now)) / 1000);
  player.last = now;
  if (player.playing) {
    const ahead = player.at + (elapsed * player.speed) / (header.dt * header.every);
    const end = player.frames - 1;
    if (motion.pair(Math.min(Math.floor(ahead), end))) player.at = Math.min(ahead, end);
    motion.load(Math.min(player.index + 16, end));
    if (player.at >= end) player.play(false);
    player.about(player.index);
    player.stale = true;
  }
  if (player.stale) player.draw();
  requestAnimationFrame(frame);
}

// --- mouse, fingers, keys -------------------------------------------------------------------------------------------

const fingers = new Map(); // pointer id -> [x, y]
let moved = 0;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (fingers.size === 1) moved = 0;
});
canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
  const dpr = devicePixelRatio;
  moved += Math.abs(dx) + Math.abs(dy);
  if (fingers.size === 2) {
    const other = [...fingers].find(([key]) => key !== event.pointerId)[1];
    const spread = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
    camera.zoom(spread([event.clientX, event.clientY]) / spread(before), other[0] * dpr, other[1] * dpr);
  } else if (moved > 4) {
    camera.pan(dx * dpr, dy * dpr);
    follow(false);
  }
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  player.stale = true;
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => {
    const clicked = name === "pointerup" && fingers.size === 1 && moved <= 4;
    fingers.delete(event.pointerId);
    if (clicked) player.select(...(player.pick(event.clientX * devicePixelRatio, event.clientY * devicePixelRatio) ?? [null]));
  });
}
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const steps = -event.deltaY / (event.deltaMode ? 3 : 100);
    camera.zoom(1.18 ** Math.max(-4, Math.min(4, steps)), event.clientX * devicePixelRatio, event.clientY * devicePixelRatio);
    player.stale = true;
  },
  { passive: false },
);

function follow(on) {
  player.following = on;
  document.getElementById("follow").setAttribute("aria-pressed", on);
  player.stale = true;
}

function whole() {
  follow(false);
  camera.fit();
  player.stale = true;
}

const KEYS = {
  " ": () => player.play(),
  ArrowRight: () => (player.play(false), player.seek(player.index + 1)),
  ArrowLeft: () => (player.play(false), player.seek(Math.ceil(player.at) - 1)),
  Home: () => player.seek(0),
  End: () => (player.play(false), player.seek(player.frames - 1)),
  "]": () => player.faster(1),
  "[": () => player.faster(-1),
  f: whole,
  Escape: () => player.select(null),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, button")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.getElementById("play").addEventListener("click", (event) => (player.play(), event.currentTarget.blur()));
document.getElementById("slider").addEventListener("input", (event) => {
  player.play(false);
  player.seek(Number(event.target.value));
});
document.getElementById("speed").addEventListener("change", (event) => {
  player.speed = Number(event.target.value);
  event.target.blur();
});
document.getElementById("whole").addEventListener("click", whole);
document.getElementById("theme").addEventListener("click", () => {
  player.choice = player.theme.name === "dark" ? "light" : "dark";
  player.themed();
});
document.getElementById("close").addEventListener("click", () => player.select(null));
document.getElementById("follow").addEventListener("click", () => follow(!player.following));
document.getElementById("parent").addEventListener("click", (event) => player.select(Number(event.target.dataset.id), microscope.table));
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => player.themed());
addEventListener("resize", resized);
for (const layer of document.querySelectorAll(".layer")) {
  layer.addEventListener("contextrestored", () => (player.stale = true)); // a graphics driver started anew
}

function resized() {
  const [width, height] = [innerWidth, innerHeight].map((side) => Math.max(1, Math.round(side * devicePixelRatio)));
  for (const layer of document.querySelectorAll(".layer")) [layer.width, layer.height] = [width, height];
  camera.resize(width, height);
  drawTrack(player.theme);
  microscope.draw(player.theme);
  player.stale = true;
}

async function start() {
  document.title = `${header.title} - a replay`;
  buildFigures();
  const slider = document.getElementById("slider");
  slider.max = player.frames - 1;
  const speeds = SPEEDS.map((speed) => element("option", { value: speed, text: speed < 1 ? `1/${1 / speed}×` : `${speed}×` }));
  document.getElementById("speed").append(...speeds);
  player.faster(0);
  document.getElementById("thinned").textContent =
    header.brainsOneIn > 1 ? `brains of one agent in ${header.brainsOneIn}` : "";
  player.themed();
  resized();
  await minds.open();
  await player.seek(0);
  document.body.classList.add("ready");
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches && !location.hash.includes("paused")) player.play(true);
  requestAnimationFrame(frame);
}

window.replay = { header, player, motion, minds, microscope, camera, placeOf }; // for the console, and for tests
start();
