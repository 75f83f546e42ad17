// PNG and animated PNG, written here: a canvas would change the colors of transparent pixels, and cannot animate.

const PNG_SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const COLOR_TYPES = {1: 0, 3: 2, 4: 6};  // by channels
const UP = 2;  // the filter that stores differences from the row above

const crcTable = Uint32Array.from({length: 256}, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(parts) {
  let value = 0xffffffff;
  for (const part of parts) for (const byte of part) value = crcTable[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function bigEndian(...numbers) {  // of 4 bytes each
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => view.setUint32(4 * index, number));
  return new Uint8Array(view.buffer);
}

function chunk(kind, ...parts) {
  const head = new TextEncoder().encode(kind), length = parts.reduce((sum, part) => sum + part.length, 0);
  return [bigEndian(length), head, ...parts, bigEndian(crc32([head, ...parts]))];
}

async function compressRows({height, width, channels, bytes}) {
  const length = width * channels, rows = new Uint8Array(height * (length + 1));
  for (let row = 0, place = 0; row < height; row++) {
    rows[place++] = UP;
    for (let i = row * length; i < (row + 1) * length; i++) rows[place++] = bytes[i] - (row ? bytes[i - length] : 0);
  }
  const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Images {height, width, channels, bytes} of one size as a Blob: one is a PNG, several are an animated PNG that
// repeats. `text` holds text fields in ASCII by name; `milliseconds` is the time of a frame.
async function encodePng(images, text, milliseconds = 0) {
  const {height, width, channels} = images[0], isAnimated = images.length > 1;
  const header = [...bigEndian(width, height), 8, COLOR_TYPES[channels], 0, 0, 0];
  const parts = [Uint8Array.from(PNG_SIGNATURE), ...chunk("IHDR", Uint8Array.from(header))];
  for (const [name, value] of Object.entries(text)) {
    parts.push(...chunk("tEXt", new TextEncoder().encode(`${name}\0${value.replace(/[^\x20-\x7e]/g, "?")}`)));
  }
  if (isAnimated) parts.push(...chunk("acTL", bigEndian(images.length, 0)));
  let number = 0;
  for (const image of images) {
    const data = await compressRows(image);
    const delay = Uint8Array.from([milliseconds >> 8, milliseconds & 255, 1000 >> 8, 1000 & 255, 0, 0]);
    if (isAnimated) parts.push(...chunk("fcTL", bigEndian(number++, width, height, 0, 0), delay));
    parts.push(...(image === images[0] ? chunk("IDAT", data) : chunk("fdAT", bigEndian(number++), data)));
  }
  return new Blob([...parts, ...chunk("IEND")], {type: "image/png"});
}

// The image with every pixel repeated `factor` times in both directions.
function enlarge({height, width, channels, bytes}, factor) {
  const large = new Uint8ClampedArray(bytes.length * factor * factor);
  for (let y = 0, place = 0; y < height * factor; y++) {
    for (let x = 0; x < width * factor; x++) {
      const from = (Math.floor(y / factor) * width + Math.floor(x / factor)) * channels;
      for (let i = 0; i < channels; i++) large[place++] = bytes[from + i];
    }
  }
  return {height: height * factor, width: width * factor, channels, bytes: large};
}
