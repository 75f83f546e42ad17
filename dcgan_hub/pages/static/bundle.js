// Reads a bundle, dcgan.json and model.safetensors (docs/bundle-format.md), as untrusted input: sizes, names, shapes
// and offsets are checked before anything of their size is allocated. `limits` holds the settings of networks and their
// limits, as dcgan_hub/network_settings.py has them. A Refusal is a sentence for people.

const FORMAT_VERSION = 1, FORMAT_VERSION_WITH_CLASSES = 2, FORMAT_VERSION_SEAMLESS = 3, FORMAT_VERSION_PALETTE = 4;
const MAX_FACTS_BYTES = 1000000, MAX_HEADER_BYTES = 1000000, LENGTH_BYTES = 8;
const FACTS_NAMES = [
  "format_version", "network", "latents", "pixels", "weights", "training", "dataset", "metrics", "versions",
];
const LATENT_RULE = {
  distribution: "standard normal", seeds: "0 to 4294967295",
  draw: "numpy.random.RandomState(seed).standard_normal(latent_dim).astype(numpy.float32)",
};
const CLASS_RULE = {
  inputs: "latents, classes", draw: "int(numpy.random.RandomState([seed, 1]).random_sample() * len(class_names))",
};
const PIXEL_RULE = {
  order: "height, width, channels", minimum: -1, maximum: 1, uint8: "clip(rint((pixels + 1) * 127.5), 0, 255)",
};
const BYTES_OF = {F32: 4, F16: 2};
const MAX_CLASS_NAME = 100, MAX_CLASS_NAMES = 50000;  // characters of one name, and of all
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

class Refusal extends Error {}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const grouped = (number) => number.toLocaleString("en-US");

// A value as printable text of bounded length, without signs that turn the direction of what follows.
function shorten(value) {
  const whole = typeof value === "string" ? value : JSON.stringify(value) ?? "nothing";
  const text = whole.slice(0, 200).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, "?");
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function refuse(wanted, received) {
  throw new Refusal(`${wanted}. Received: ${shorten(received)}.`);
}

function parseJson(bytes, name) {
  let document;
  try {
    document = JSON.parse(new TextDecoder("utf-8", {fatal: true}).decode(bytes));
  } catch (error) {
    refuse(`${name} must be JSON`, error.message);
  }
  if (!isObject(document)) refuse(`${name} must be a JSON object`, document);
  return document;
}

function checkNames(values, required, place) {
  if (!isObject(values)) refuse(`${place} must be an object`, values);
  const missing = required.filter((name) => !Object.hasOwn(values, name));
  const unknown = Object.keys(values).filter((name) => !required.includes(name));
  if (missing.length || unknown.length) {
    const received = missing.length ? `without ${missing}` : `the unknown ${unknown}`;
    refuse(`${place} must have exactly ${required.join(", ")}`, received);
  }
}

function checkField(name, value, limits) {
  if (value === null && limits.optional) return;
  const isNumber = limits.fraction ? Number.isFinite(value) : Number.isInteger(value);
  const isInside = limits.choices?.includes(value) ?? (isNumber && value >= limits.minimum && value <= limits.maximum);
  const wanted = limits.choices ? `one of ${limits.choices.join(", ")}` : `${limits.minimum} to ${limits.maximum}`;
  if (!isInside) refuse(`\`network.${name}\` must be ${wanted}`, value);
}

// The number of values in all variables, and in the largest feature map of one image.
function networkCosts(settings) {
  const {sizes, widths} = sizesAndWidths(settings);
  const parameters = [...weightShapes(settings).values()].reduce((sum, shape) => sum + product(shape), 0);
  const masks = product(sizes[0]) * (settings.palette_size ?? 0);
  return {parameters, featureMap: Math.max(masks, ...widths.map((width, stage) => product(sizes[stage]) * width))};
}

function checkNetwork(network, limits, version, hasClasses) {
  const hasPalette = version === FORMAT_VERSION_PALETTE;
  const isSeamless = version === FORMAT_VERSION_SEAMLESS || (hasPalette && isObject(network) && Object.hasOwn(network, "seamless"));
  const written = {classes: hasClasses, seamless: isSeamless, palette_size: hasPalette};
  const further = Object.keys(written).filter((name) => written[name]);
  checkNames(network, [...Object.keys(limits.fields), ...further], "`network`");
  if (hasClasses) checkField("classes", network.classes, limits.classes);
  if (isSeamless && network.seamless !== true) refuse("`network.seamless` must be true", network.seamless);
  if (hasPalette) checkField("palette_size", network.palette_size, limits.palette);
  for (const [name, field] of Object.entries(limits.fields)) {
    if (name !== "image_size") checkField(name, network[name], field);
  }
  const {image_size: imageSize, kernel_size: kernel, stride, filters, max_filters: most, depth} = network;
  const {minimum, maximum} = limits.fields.image_size;
  const isSide = (side) => Number.isInteger(side) && side >= minimum && side <= maximum;
  if (!Array.isArray(imageSize) || imageSize.length !== 2 || !imageSize.every(isSide)) {
    refuse(`\`network.image_size\` must be two sides of ${minimum} to ${maximum} pixels`, imageSize);
  }
  if (kernel < stride) refuse("`network.kernel_size` must be at least `stride`", kernel);
  if (most < filters) refuse("`network.max_filters` must be at least `filters`", most);
  if (depth === null) refuse("`network.depth` must be a whole number", depth);
  const base = sizesAndWidths(network).sizes[depth];
  if (Math.min(...base) < 2 || product(base) > limits.basePixels) {
    refuse(`\`network.depth\` must give a first map of sides from 2 and at most ${limits.basePixels} pixels`, depth);
  }
  const factor = stride ** depth;
  if (isSeamless && imageSize.some((side) => side % factor)) {
    refuse(`Seamless images must have sides that are multiples of ${factor}`, imageSize);
  }
  const {parameters, featureMap} = networkCosts(network);
  if (parameters > limits.parameters) {
    refuse(`A page draws generators of at most ${grouped(limits.parameters)} parameters`, grouped(parameters));
  }
  if (featureMap > limits.featureMap) {
    refuse(`A page draws feature maps of at most ${grouped(limits.featureMap)} values`, grouped(featureMap));
  }
}

const isRule = (value, rule) => isObject(value) && Object.keys(value).length === Object.keys(rule).length
  && Object.entries(rule).every(([name, wanted]) => value[name] === wanted);

// Names of classes: as many different ones as the network has classes, none of them empty, endless or invisible.
function checkClassNames(names, count) {
  if (!Array.isArray(names) || names.length !== count) {
    refuse(`\`class_names\` must be a list of ${count} names`, Array.isArray(names) ? names.length : names);
  }
  const isName = (name) => typeof name === "string" && name.trim() && [...name].length <= MAX_CLASS_NAME
    && !UNPRINTABLE.test(name);
  const wrong = names.find((name) => !isName(name));
  if (wrong !== undefined) refuse(`A class name must be text of 1 to ${MAX_CLASS_NAME} printable characters`, wrong);
  const total = names.reduce((sum, name) => sum + [...name].length, 0);
  if (total > MAX_CLASS_NAMES) refuse(`Class names may have ${grouped(MAX_CLASS_NAMES)} characters in all`, total);
  if (new Set(names).size < count) refuse("Class names must differ", "one twice");
}

// The content of dcgan.json, checked as far as drawing depends on it.
function readFacts(bytes, limits) {
  if (bytes.length > MAX_FACTS_BYTES) {
    refuse(`dcgan.json may have at most ${grouped(MAX_FACTS_BYTES)} bytes`, grouped(bytes.length));
  }
  const facts = parseJson(bytes, "dcgan.json"), {format_version: version, network, weights} = facts;
  if (!Number.isInteger(version) || version < FORMAT_VERSION || version > FORMAT_VERSION_PALETTE) {
    refuse(`This page reads bundles of format versions ${FORMAT_VERSION} to ${FORMAT_VERSION_PALETTE}`, version);
  }
  const mayHaveClasses = version > FORMAT_VERSION_WITH_CLASSES && Object.hasOwn(facts, "class_names");
  const hasClasses = version === FORMAT_VERSION_WITH_CLASSES || mayHaveClasses;
  checkNames(facts, [...FACTS_NAMES, ...(hasClasses ? ["classes", "class_names"] : [])], "dcgan.json");
  const rules = {latents: LATENT_RULE, pixels: PIXEL_RULE, ...(hasClasses ? {classes: CLASS_RULE} : {})};
  for (const [name, rule] of Object.entries(rules)) {
    if (!isRule(facts[name], rule)) refuse(`\`${name}\` must be the rule of the format`, facts[name]);
  }
  checkNames(weights, ["dtype", "sha256"], "`weights`");
  if (!Object.keys(BYTES_OF).includes(weights.dtype)) refuse("`weights.dtype` must be F32 or F16", weights.dtype);
  if (typeof weights.sha256 !== "string" || !/^[0-9a-f]{64}$/.test(weights.sha256)) {
    refuse("`weights.sha256` must be 64 hexadecimal digits", weights.sha256);
  }
  for (const place of ["training", "metrics", "versions"]) {
    if (!isObject(facts[place])) refuse(`\`${place}\` must be an object`, facts[place]);
  }
  if (facts.dataset !== null && !isObject(facts.dataset)) refuse("`dataset` must be an object or null", facts.dataset);
  checkNetwork(network, limits, version, hasClasses);
  if (hasClasses) checkClassNames(facts.class_names, network.classes);
  return facts;
}

// Vectors are stored in single precision in any case.
const storedDtype = (shape, dtype) => (shape.length < 2 ? "F32" : dtype);

// The smallest and the largest size of model.safetensors in bytes.
function weightsFileBytes({network, weights: {dtype}}) {
  const shapes = [...weightShapes(network).values()];
  const data = shapes.reduce((sum, shape) => sum + product(shape) * BYTES_OF[storedDtype(shape, dtype)], 0);
  return [LENGTH_BYTES + data, LENGTH_BYTES + MAX_HEADER_BYTES + data];
}

// The content of model.safetensors as Float32Arrays by name.
function readWeights(bytes, facts) {
  const [smallest, largest] = weightsFileBytes(facts);
  if (bytes.length < smallest || bytes.length > largest) {
    const wanted = `${grouped(smallest)} to ${grouped(largest)} bytes`;
    refuse(`model.safetensors must have ${wanted} for its network`, grouped(bytes.length));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerBytes = view.getUint32(0, true) + 2 ** 32 * view.getUint32(4, true), start = LENGTH_BYTES + headerBytes;
  if (headerBytes < 1 || headerBytes > MAX_HEADER_BYTES || start > bytes.length) {
    refuse("model.safetensors must have a header that fits the file", `a header of ${grouped(headerBytes)} bytes`);
  }
  const entries = parseJson(bytes.subarray(LENGTH_BYTES, start), "The header of model.safetensors");
  delete entries.__metadata__;
  const shapes = weightShapes(facts.network);
  checkNames(entries, [...shapes.keys()], "model.safetensors");
  checkEntries(entries, shapes, facts.weights.dtype, bytes.length - start);
  return new Map([...shapes].map(([name, shape]) => {
    const {dtype, data_offsets: [from, to]} = entries[name];
    const read = dtype === "F32" ? readSingle : readHalf;
    const values = read(view, start + from, (to - from) / BYTES_OF[dtype]);
    if (!areFinite(values)) refuse("Weights must be finite", `NaN or infinity in ${name}`);
    return [name, values];
  }));
}

// Ranges must follow each other without gaps and overlaps, and end with the file.
function checkEntries(entries, shapes, dtype, dataBytes) {
  for (const [name, shape] of shapes) {
    const entry = entries[name], stored = storedDtype(shape, dtype);
    checkNames(entry, ["dtype", "shape", "data_offsets"], `\`${name}\``);
    if (entry.dtype !== stored) refuse(`\`${name}\` must be in ${stored}`, entry.dtype);
    if (JSON.stringify(entry.shape) !== JSON.stringify(shape)) {
      refuse(`\`${name}\` must have the shape ${JSON.stringify(shape)}`, entry.shape);
    }
    const offsets = entry.data_offsets, wanted = product(shape) * BYTES_OF[stored];
    const isRange = Array.isArray(offsets) && offsets.length === 2 && offsets.every(Number.isInteger);
    if (!isRange || offsets[1] - offsets[0] !== wanted) {
      refuse(`\`${name}\` must have a range of ${grouped(wanted)} bytes`, offsets);
    }
  }
  const ranges = Object.values(entries).map((entry) => entry.data_offsets).sort((a, b) => a[0] - b[0]);
  let end = 0;
  for (const [from, to] of ranges) {
    if (from !== end) refuse("Ranges in model.safetensors must follow each other", [from, to]);
    end = to;
  }
  if (end !== dataBytes) refuse("Ranges in model.safetensors must end with the file", end);
}

function areFinite(values) {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

function readSingle(view, start, count) {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = view.getFloat32(start + 4 * i, true);
  return values;
}

// Half precision: its exponent and mantissa, moved to where single precision has them, are the number times 2^-112.
function readHalf(view, start, count) {
  const bits = new Uint32Array(count), values = new Float32Array(bits.buffer);
  for (let i = 0; i < count; i++) {
    const half = view.getUint16(start + 2 * i, true);
    bits[i] = ((half & 0x8000) << 16) | ((half & 0x7fff) << 13);
    values[i] = (half & 0x7c00) === 0x7c00 ? NaN : values[i] * 2 ** 112;
  }
  return values;
}
