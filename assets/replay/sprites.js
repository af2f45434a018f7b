// Agents with WebGL 2: one quad each, moved and turned between two frames by the GPU, the shape a signed distance.
//
// An agent takes 12 bytes, sent when the frame changes and not when the picture does: place now and the way to the next
// frame (i16 x 4; 65,536 steps across the world), heading, turn, tint, strength (u8 x 4). They lie in textures, which the
// vertices read: plain triangles, for software GL takes very long for many instances.

const VERTEX = `#version 300 es
precision highp int;
uniform highp isampler2D places;   // x, y, way to the next frame, steps; 1,024 agents a row
uniform highp usampler2D looks;    // heading, turn + 128, tint, strength; 0..255
uniform vec2 world, origin, image, view, picture;  // m, m, m, m, px
uniform float alpha, scale, size, light, ghost, steps, turned, wide;
uniform sampler2D palette;
out vec2 local;
flat out vec3 ink;
flat out vec2 about;      // length px, opacity

const vec2 CORNERS[6] = vec2[](vec2(-1, -1), vec2(1, -1), vec2(-1, 1), vec2(-1, 1), vec2(1, -1), vec2(1, 1));

void main() {
  ivec2 texel = ivec2((gl_VertexID / 6) & 1023, (gl_VertexID / 6) >> 10);
  ivec4 told = texelFetch(places, texel, 0);
  vec2 place = vec2(told.xy & 65535), way = vec2(told.zw);
  vec4 look = vec4(texelFetch(looks, texel, 0));
  float strength = look.w / 255.0;
  float length_px = size * mix(0.45, 1.0, strength);
  vec2 at = (place + alpha * way) / steps * world;
  at += image - world * floor((at - origin) / world);
  bool inside = all(greaterThanEqual(at, vec2(0.0))) && all(lessThan(at, world));
  about = vec2(length_px, mix(0.22, 1.0, strength) * (inside ? 1.0 : ghost));
  ink = texelFetch(palette, ivec2(int(look.z), 0), 0).rgb;
  float angle = turned * (look.x + alpha * (look.y - 128.0)) * 0.02454369;
  vec2 ahead = vec2(cos(angle), sin(angle));
  local = CORNERS[gl_VertexID % 6] * (length_px * vec2(0.5, wide) + light + 1.5);
  vec2 px = (at - view) * scale + ahead * local.x + vec2(-ahead.y, ahead.x) * local.y;
  gl_Position = vec4(px / picture * 2.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec2 local;
flat in vec3 ink;
flat in vec2 about;
uniform int shape;        // 0 drop, 1 disc, 2 ring
uniform float glow, light;
uniform vec3 ground;
out vec4 colour;

// A disc of radius a at the origin joined to one of radius b at (-h, 0) by their outer tangents.
float drop(vec2 p, float h, float a, float b) {
  vec2 q = vec2(-p.x, abs(p.y));
  float s = (a - b) / h;
  float c = sqrt(1.0 - s * s);
  float along = dot(q, vec2(c, -s));
  if (along < 0.0) return length(q) - a;
  if (along > h * c) return length(q - vec2(h, 0.0)) - b;
  return dot(q, vec2(s, c)) - a;
}

void main() {
  float l = about.x, away, body = 1.0, soft = 1.0, shine = 0.0;
  vec2 centre = vec2(0.0);
  if (shape == 0) {
    float head = 0.23 * l, tail = 0.035 * l;
    centre.x = 0.5 * l - head;
    away = drop(local - centre, l - head - tail, head, tail);
    float back = clamp((centre.x - local.x) / (l * 0.73), 0.0, 1.0);
    body = 1.0 - 0.72 * back * back * smoothstep(4.0, 9.0, l);
    float near = length(local - centre - vec2(0.25 * head, 0.0));
    shine = 0.30 * smoothstep(7.0, 14.0, l) * (1.0 - smoothstep(0.0, head, near));
  } else {
    away = length(local) - 0.5 * l;
    if (shape == 2) away = abs(away + 0.12 * l) - 0.09 * l;
    else {
      soft = max(1.0, 0.16 * l);
      away += 0.5 * soft - 0.5;
      body = 0.82 - 0.28 * smoothstep(0.0, 0.5 * l, length(local)) * smoothstep(5.0, 12.0, l);
    }
  }
  float fill = clamp(0.5 - away / soft, 0.0, 1.0) * body;
  float rim = shape == 1 ? 0.0 : clamp(1.5 - away, 0.0, 1.0) * 0.55 * smoothstep(6.0, 10.0, l) * body;
  float r = length(local - centre * 0.6) / (light + 0.3 * l);
  float halo = glow * pow(max(0.0, 1.0 - r), 2.2);
  vec4 over = vec4(mix(ink, vec3(1.0), shine), 1.0) * fill;
  over += vec4(ground, 1.0) * rim * (1.0 - fill);
  colour = over * about.y + vec4(ink * halo * about.y * (1.0 - over.a), 0.0);
}`;

/** Something to draw agents with, on this canvas; null without WebGL 2, or where software would do the work. */
function gpu(surface) {
  if (slow() && !location.hash.includes("gpu")) return null; // with #gpu it is used all the same
  const gl = surface.getContext("webgl2", { antialias: false });
  if (!gl) return null;
  surface.addEventListener("webglcontextlost", () => {
    surface.hidden = true;
    agents = stamps;
    player.stale = true;
  });
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  const tables = header.tables.map(() => ({ n: 0, places: texture(gl), looks: texture(gl) }));
  const palettes = new Map();
  const at = {};
  const put = (name, ...values) => {
    at[name] ??= gl.getUniformLocation(program, name);
    gl[`uniform${values.length}f`](at[name], ...values);
  };
  gl.useProgram(program);
  ["palette", "places", "looks"].forEach((name, unit) => gl.uniform1i(gl.getUniformLocation(program, name), unit));

  return {
    begin(now, then) {
      gl.viewport(0, 0, camera.width, camera.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      if (this.now === now && this.then === then) return;
      [this.now, this.then] = [now, then];
      tables.forEach((table, k) => send(gl, table, now, then, k));
    },

    draw(table, alpha, length, light, theme, { origin, offsets }) {
      const about = header.tables[table];
      const shape = ["drop", "disc", "ring"].indexOf(about.shape);
      const { n, places, looks } = tables[table];
      [paletteOn(gl, palettes, about, theme), places, looks].forEach((bound, unit) => {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, bound);
      });
      gl.uniform1i((at.shape ??= gl.getUniformLocation(program, "shape")), shape);
      put("world", ...header.size);
      put("origin", ...origin);
      put("view", camera.x, camera.y);
      put("picture", camera.width, camera.height);
      put("alpha", alpha);
      put("scale", camera.scale);
      put("size", length);
      put("light", light);
      put("glow", light ? about.glow : 0);
      put("ghost", theme.ghost);
      put("steps", STEPS);
      put("turned", shape === 0 ? 1 : 0);
      put("wide", shape === 0 ? 0.24 : 0.5);
      put("ground", ...channels(theme.ground).map((value) => value / 255));
      for (const offset of offsets) {
        put("image", ...offset);
        gl.drawArrays(gl.TRIANGLES, 0, 6 * n);
      }
    },
  };
}

/** Whether WebGL is done by software here, or not at all. */
function slow() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const about = gl?.getExtension("WEBGL_debug_renderer_info");
  const renderer = about ? gl.getParameter(about.UNMASKED_RENDERER_WEBGL) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return !gl || /swiftshader|llvmpipe|basic render/i.test(renderer);
}

/** A texture whose texels are read one by one. */
function texture(gl) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
  return made;
}

/** Sends a table's agents: where they are and where they will be. */
function send(gl, on, now, then, table) {
  const { n, x, y, heading, tint, strength, next } = now.tables[table];
  const after = then.tables[table];
  const moves = now !== then && header.tables[table].moves;
  const rows = Math.max(1, Math.ceil(n / 1024));
  const [places, looks] = [new Int16Array(4096 * rows), new Uint8Array(4096 * rows)];
  for (let k = 0, at = 0; k < n; k++, at += 4) {
    places[at] = x[k];
    places[at + 1] = y[k];
    looks[at] = heading[k];
    looks[at + 1] = 128;
    looks[at + 2] = tint[k];
    looks[at + 3] = strength[k];
    const to = moves ? next[k] : -1;
    if (to < 0) continue;
    places[at + 2] = after.x[to] - x[k]; // wraps: the short way round
    places[at + 3] = after.y[to] - y[k];
    looks[at + 1] = 128 + after.heading[to] - heading[k];
  }
  gl.activeTexture(gl.TEXTURE1);
  gl.bindTexture(gl.TEXTURE_2D, on.places);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16I, 1024, rows, 0, gl.RGBA_INTEGER, gl.SHORT, places);
  gl.bindTexture(gl.TEXTURE_2D, on.looks);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8UI, 1024, rows, 0, gl.RGBA_INTEGER, gl.UNSIGNED_BYTE, looks);
  on.n = n;
}

/** The texture with a table's 256 colours; bound to unit 0. */
function paletteOn(gl, palettes, about, theme) {
  const name = about.colour ?? `${about.palette} ${theme.name}`;
  if (!palettes.has(name)) {
    const plain = about.colour && channels(about.colour);
    const colours = plain ? Uint8Array.from({ length: 768 }, (_, k) => plain[k % 3]) : paletteOf(about.palette, theme);
    gl.activeTexture(gl.TEXTURE0);
    palettes.set(name, texture(gl));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, 256, 1, 0, gl.RGB, gl.UNSIGNED_BYTE, colours);
  }
  return palettes.get(name);
}
