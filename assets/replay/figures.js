// The figures: what the window's overlay shows, as text and curves, and the legend.

/** A figure for people: 20,000 / 1,234 / 12.3 / 0.0123. */
function number(value, digits = 3) {
  if (value === null || Number.isNaN(value)) return "–";
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(digits)));
}

function element(tag, words = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(words)) {
    if (key === "text") made.textContent = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const shownTables = Object.keys(header.figures[0].tables);
const moving = shownTables.filter((name) => new Set(header.figures.map((row) => row.tables[name]?.count)).size > 1);

function buildFigures() {
  document.getElementById("title").textContent = header.title;
  document.getElementById("hint").textContent = header.hint && `Watch for: ${header.hint}`;
  const list = document.getElementById("rows");
  for (const name of shownTables) {
    const row = element("div", { class: "row", "data-table": name });
    row.append(element("span", { class: "name", text: name }), element("span", { class: "value" }));
    if (moving.includes(name)) row.append(element("span", { class: "change" }), element("canvas", { class: "spark" }));
    list.append(row);
  }
  const about = Object.fromEntries(header.tables.map((table) => [table.name, table]));
  for (const name of shownTables.filter((name) => about[name]?.coloured && !header.kinds.includes(name))) {
    list.append(pair(`mean ${about[name].what}`, `mean ${name}`));
  }
  for (const name of Object.keys(header.figures[0].more)) list.append(pair(name, `more ${name}`));
}

function pair(name, key) {
  const words = [element("span", { class: "name", text: name }), element("span", { class: "value" })];
  return element("div", { class: "row small", "data-key": key }, ...words);
}

function showFigures(index, theme) {
  const row = header.figures[index];
  const tick = motion.ticks[index];
  document.getElementById("tick").textContent = `tick ${tick.toLocaleString("en")}`;
  document.getElementById("time").textContent = `${(tick * header.dt).toFixed(1)} s`;
  for (const name of shownTables) {
    const line = document.querySelector(`[data-table="${CSS.escape(name)}"]`);
    const { count, births, deaths } = row.tables[name] ?? { count: 0, births: 0, deaths: 0 };
    line.querySelector(".value").textContent = number(count);
    if (!moving.includes(name)) continue;
    line.querySelector(".change").textContent = `+${number(births)}  –${number(deaths)} per tick`;
    spark(line.querySelector(".spark"), (k) => header.figures[k].tables[name]?.count ?? 0, index, theme);
  }
  for (const line of document.querySelectorAll("[data-key]")) {
    const [kind, name] = [line.dataset.key.slice(0, 4), line.dataset.key.slice(5)];
    const unit = kind === "mean" ? (header.tables.find((table) => table.name === name)?.unit ?? "") : "";
    const value = kind === "mean" ? row.tables[name]?.mean : row.more[name];
    line.querySelector(".value").textContent = `${number(value ?? null)} ${unit}`;
  }
}

/** A small curve up to a frame. */
function spark(surface, value, index, theme) {
  const pen = sized(surface);
  const first = Math.max(0, index - 120);
  const values = Array.from({ length: index - first + 1 }, (_, k) => value(first + k));
  curve(pen, values, 120, theme.accent, surface.width, surface.height, 1.3 * devicePixelRatio);
}

function curve(pen, values, most, colour, width, height, weight) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(high - low, 0.02 * high, 1);
  pen.beginPath();
  values.forEach((value, k) => {
    pen.lineTo((k / Math.max(1, most - 1)) * width, height - weight - ((value - low) / span) * (height - 2 * weight));
  });
  pen.lineWidth = weight;
  pen.lineJoin = "round";
  pen.strokeStyle = colour;
  pen.stroke();
}

/** A canvas as large as it appears, cleared. */
function sized(surface) {
  const [width, height] = [surface.clientWidth, surface.clientHeight].map((side) => Math.round(side * devicePixelRatio));
  if (surface.width !== width || surface.height !== height) [surface.width, surface.height] = [width, height];
  const pen = surface.getContext("2d");
  pen.clearRect(0, 0, width, height);
  return pen;
}

/** The populations over the whole recording, behind the slider. */
function drawTrack(theme) {
  const surface = document.getElementById("track");
  const pen = sized(surface);
  const inks = [theme.accent, "#62c1ff", "#7bb150", "#d49ef2"];
  moving.slice(-4).reverse().forEach((name, k) => {
    const step = Math.max(1, Math.floor(header.figures.length / 600));
    const values = header.figures.filter((_, at) => at % step === 0).map((row) => row.tables[name]?.count ?? 0);
    pen.globalAlpha = k ? 0.4 : 0.75;
    curve(pen, values, values.length, inks[k], surface.width, surface.height, 1.3 * devicePixelRatio);
  });
}

function buildLegend(theme) {
  const list = document.getElementById("legend");
  list.replaceChildren();
  for (const about of [...header.tables].reverse()) {
    const row = element("div", { class: "key" });
    const dot = element("span", { class: `dot ${about.shape}` });
    dot.style.setProperty("--ink", colourOf(about, about.coloured ? 170 : 80, theme));
    row.append(dot, element("span", { class: "name", text: about.title }));
    if (about.coloured) {
      const words = [about.what, about.unit].filter(Boolean).join(", ");
      row.append(element("span", { class: "what", text: words }));
      const bar = element("span", { class: "bar" });
      const colours = Array.from({ length: 17 }, (_, k) => colourOf(about, Math.round(k * 15.9), theme));
      bar.style.background = `linear-gradient(90deg, ${colours.join(", ")})`;
      row.append(element("span", { class: "ends", "data-limits": about.name }, element("i"), bar, element("i")));
    }
    list.append(row);
  }
}

function showLegend(index) {
  const limits = header.figures[index].limits;
  for (const ends of document.querySelectorAll("[data-limits]")) {
    const [low, high] = limits[ends.dataset.limits] ?? [0, 1];
    const kinds = header.kinds.includes(ends.dataset.limits);
    ends.firstChild.textContent = kinds ? "none" : number(low, 2);
    ends.lastChild.textContent = number(high, 2);
  }
}
