// The file's data: base64 in the page, deflated, arrays one after the other, read in place.
//
//     u32 length of the JSON text | JSON [[name, type, count], ...] | arrays, each from a multiple of 8 bytes on
//
// Nothing is fetched: the page works from a disk, without a network.

const header = JSON.parse(document.getElementById("header").textContent);

const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array };

/** The arrays of one piece of data by name. */
async function unpack(piece) {
  const packed = bytesOf(document.getElementById(piece).textContent);
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(inflated).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const arrays = {};
  let at = 4 + length;
  for (const [name, type, count] of JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)))) {
    at += (8 - (at % 8)) % 8;
    arrays[name] = new TYPES[type](buffer, at, count);
    at += arrays[name].byteLength;
  }
  return arrays;
}

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}

// Numbers come as planes: the lowest bytes of all, then the next ones, and so on.

function joined16(planes) {
  const n = planes.length / 2;
  const values = new Uint16Array(n);
  for (let k = 0; k < n; k++) values[k] = planes[k] | (planes[n + k] << 8);
  return values;
}

function joined32(planes, first = 0, n = planes.length / 4) {
  const values = new Uint32Array(n);
  for (let byte = 0; byte < 4; byte++) {
    for (let k = 0; k < n; k++) values[k] |= planes[first + byte * n + k] << (8 * byte);
  }
  return values;
}

/** Ids are below 2^53 here, so a float64 holds them exactly. */
function joined64(planes) {
  const n = planes.length / 8;
  const low = joined32(planes, 0, n);
  const high = joined32(planes, 4 * n, n);
  return Float64Array.from(low, (value, k) => high[k] * 2 ** 32 + value);
}

/** The numbers that IEEE half floats stand for. */
function halves(bits) {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
