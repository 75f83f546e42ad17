// The generator's network: what dcgan_hub/networks/generator.py builds, for one image at a time.
//
// Every stage is a matrix product at each output pixel: of the input pixels that contribute to it, its taps, and the
// parts of the kernel that they meet. Output pixels with the same taps, such as those of even rows and odd columns, are
// a phase, and share one packed matrix. Sums are in double precision, feature maps in single precision. A map holds its
// pixels row by row, with the channels rounded up to a multiple of 4, and at the end a pixel of zeros, which stands for
// everything outside of it.

const NORMALIZATION_EPSILON = 1e-5;
const CLASS_EMBEDDING = "class_embedding/embeddings", CLASS_EMBEDDING_DIM = 32;

const padded = (channels) => 4 * Math.ceil(channels / 4);
const product = (numbers) => numbers.reduce((result, number) => result * number, 1);
const range = (count) => Array.from({length: count}, (_, index) => index);
const modulo = (value, divisor) => ((value % divisor) + divisor) % divisor;

// Sizes of the feature maps, image first, and channels of stage 1 (next to the image) to the last stage.
function sizesAndWidths(settings) {
  const {image_size: imageSize, stride, depth, filters, increment, max_filters: most} = settings;
  const sizes = [imageSize];
  for (let i = 0; i < depth; i++) sizes.push(sizes[i].map((side) => Math.ceil(side / stride)));
  const widthOf = (stage) => (increment === null ? filters * 2 ** stage : filters + increment * stage);
  const widths = range(depth).map((stage) => Math.min(widthOf(stage), most));
  return {sizes, widths};
}

// The length of what dense layers read: the latent, and with classes the embedding of the class behind it.
const conditionedDim = ({latent_dim: latentDim, classes}) => latentDim + (classes ? CLASS_EMBEDDING_DIM : 0);

// Channels that stage 1 outputs: those of the image, or a mask for each color of the palette.
const outputChannels = ({palette_size: paletteSize, channels}) => paletteSize || channels;

// Names and shapes of all weights, in the order of the layers.
function weightShapes(settings) {
  const {sizes, widths} = sizesAndWidths(settings), {classes, kernel_size: kernel} = settings;
  const inputDim = conditionedDim(settings), kind = settings.generator_normalization, isTransposed = settings.upsampling === "transposed";
  const last = widths.length - 1, base = sizes[last + 1][0] * sizes[last + 1][1] * widths[last];
  const shapes = new Map([["project/kernel", [inputDim, base]]]);
  if (classes) shapes.set(CLASS_EMBEDDING, [classes, CLASS_EMBEDDING_DIM]);
  const addStatistics = (name, channels, variables) => {
    for (const variable of variables) shapes.set(`${name}_normalize/${variable}`, [channels]);
  };
  const statistics = ["moving_mean", "moving_variance"], all = ["gamma", "beta", ...statistics];
  if (kind === "none") shapes.set("project/bias", [base]);
  else addStatistics("project", widths[last], all);
  for (let stage = widths.length; stage > 0; stage--) {
    const inputs = widths[stage - 1], outputs = stage > 1 ? widths[stage - 2] : outputChannels(settings);
    const layer = `stage_${stage}_${isTransposed ? "enlarge" : "smooth"}`;
    shapes.set(`${layer}/kernel`, [kernel, kernel, ...(isTransposed ? [outputs, inputs] : [inputs, outputs])]);
    if (kind === "none" || stage === 1) shapes.set(`${layer}/bias`, [outputs]);
    else addStatistics(`stage_${stage}`, outputs, kind === "batch" ? all : statistics);
    if (kind === "modulated" && stage > 1) {
      for (const name of ["scale", "shift"]) {
        shapes.set(`stage_${stage}_${name}/kernel`, [inputDim, outputs]);
        shapes.set(`stage_${stage}_${name}/bias`, [outputs]);
      }
    }
  }
  if (settings.palette_size) {
    const colors = settings.palette_size * settings.channels;
    shapes.set("palette/kernel", [inputDim, colors]).set("palette/bias", [colors]);
  }
  return shapes;
}

// The phases of one axis. A phase has output positions `first`, `first` + `step`, ..., and taps: which rows of the
// kernel, added up, meet which input position (-1: outside) at each of its output positions. Of a seamless network no
// position is outside: beyond one side is the other.
function axisPhases({upsampling, kernel_size: kernel, stride, seamless}, from, to) {
  const isFolded = upsampling === "transposed" || to === from * stride;
  const step = isFolded ? stride : 1;
  return range(Math.min(step, to)).map((first) => {
    const places = range(Math.ceil((to - first) / step)).map((index) => first + index * step);
    const tapsOf = upsampling === "transposed" ? transposedTaps : isFolded ? foldedTaps : resizedTaps;
    const inside = (source) => {
      if (seamless) return modulo(source, from);
      return source >= 0 && source < from ? source : -1;
    };
    const taps = tapsOf(kernel, stride, first, to, seamless);
    const withSources = taps.map(({rows, source}) => ({rows, sources: places.map(source).map(inside)}));
    return {first, step, taps: withSources, count: places.length};
  });
}

// Transposed convolution, padding "same": output = input * stride + row - padding. The image of a seamless network begins
// where the first pixel begins that nothing is missing in.
function transposedTaps(kernel, stride, first, to, seamless) {
  const padding = seamless ? kernel - stride : (kernel - stride) >> 1;
  return range(kernel).filter((row) => modulo(first + padding - row, stride) === 0)
    .map((row) => ({rows: [row], source: (place) => (place + padding - row) / stride}));
}

// Nearest-neighbor resize and convolution: rows of the kernel that meet copies of the same input pixel are added up.
function foldedTaps(kernel, stride, first) {
  const padding = (kernel - 1) >> 1, rowsBySource = new Map();
  for (let row = 0; row < kernel; row++) {
    const source = Math.floor((first + row - padding) / stride);
    rowsBySource.set(source, [...(rowsBySource.get(source) ?? []), row]);
  }
  return [...rowsBySource].map(([offset, rows]) => ({rows, source: (place) => (place - first) / stride + offset}));
}

// The same where the resized map is cropped: at its end the copies of one input pixel are not all there.
function resizedTaps(kernel, stride, first, to) {
  const padding = (kernel - 1) >> 1;
  return range(kernel).map((row) => ({rows: [row], source: (place) => {
    const resized = place + row - padding;
    return resized < to ? Math.floor(resized / stride) : -1;
  }}));
}

// One phase of both axes, ready to be computed. Sources and targets are offsets into the maps; pixels come in fours,
// the last one repeated.
function compilePhase(stage, vertical, horizontal) {
  const {inputs, outputs, from, to} = stage, inStride = padded(inputs), outStride = padded(outputs);
  const taps = vertical.taps.flatMap((down) => horizontal.taps.map((across) => ({down, across})));
  const pixels = vertical.count * horizontal.count, groups = Math.ceil(pixels / 4);
  const sources = new Int32Array(groups * taps.length * 4), targets = new Int32Array(groups * 4);
  for (let slot = 0; slot < groups * 4; slot++) {
    const pixel = Math.min(slot, pixels - 1), group = slot >> 2;
    const y = Math.floor(pixel / horizontal.count), x = pixel % horizontal.count;
    const row = vertical.first + y * vertical.step, column = horizontal.first + x * horizontal.step;
    targets[slot] = (row * to[1] + column) * outStride;
    taps.forEach(({down, across}, tap) => {
      const above = down.sources[y], beside = across.sources[x];
      const source = above < 0 || beside < 0 ? from[0] * from[1] : above * from[1] + beside;
      sources[(group * taps.length + tap) * 4 + (slot & 3)] = source * inStride;
    });
  }
  const matrices = taps.map(({down, across}) => down.rows.flatMap((row) => across.rows.map((column) => [row, column])));
  return {sources, targets, groups, taps: taps.length, weights: packWeights(stage, matrices)};
}

// The kernel as blocks of four outputs; within a block tap by tap, input by input.
function packWeights(stage, matrices) {
  const {inputs, outputs, kernelSize, kernel, isTransposed} = stage, blocks = padded(outputs) / 4;
  const packed = new Float32Array(blocks * matrices.length * inputs * 4);
  const inStep = isTransposed ? 1 : outputs, outStep = isTransposed ? inputs : 1;
  matrices.forEach((places, tap) => {
    for (const [row, column] of places) {
      const start = (row * kernelSize + column) * inputs * outputs;
      for (let output = 0; output < outputs; output++) {
        let to = (((output >> 2) * matrices.length + tap) * inputs) * 4 + (output & 3);
        let from = start + output * outStep;
        for (let input = 0; input < inputs; input++, to += 4, from += inStep) packed[to] += kernel[from];
      }
    }
  });
  return packed;
}

// The sums of one phase, written to `map`: four pixels and four outputs at a time, so that they stay in registers.
function computePhase({sources, targets, groups, taps, weights}, inputs, outStride, from, map) {
  for (let group = 0; group < groups; group++) {
    const t = 4 * group, t0 = targets[t], t1 = targets[t + 1], t2 = targets[t + 2], t3 = targets[t + 3];
    let w = 0;
    for (let output = 0; output < outStride; output += 4) {
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      let c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
      for (let tap = 0; tap < taps; tap++) {
        const place = 4 * (group * taps + tap);
        let p = sources[place], q = sources[place + 1], r = sources[place + 2], s = sources[place + 3];
        for (const end = w + 4 * inputs; w < end; w += 4) {
          const w0 = weights[w], w1 = weights[w + 1], w2 = weights[w + 2], w3 = weights[w + 3];
          const a = from[p++], b = from[q++], c = from[r++], d = from[s++];
          a0 += a * w0; a1 += a * w1; a2 += a * w2; a3 += a * w3;
          b0 += b * w0; b1 += b * w1; b2 += b * w2; b3 += b * w3;
          c0 += c * w0; c1 += c * w1; c2 += c * w2; c3 += c * w3;
          d0 += d * w0; d1 += d * w1; d2 += d * w2; d3 += d * w3;
        }
      }
      map[t0 + output] = a0; map[t0 + output + 1] = a1; map[t0 + output + 2] = a2; map[t0 + output + 3] = a3;
      map[t1 + output] = b0; map[t1 + output + 1] = b1; map[t1 + output + 2] = b2; map[t1 + output + 3] = b3;
      map[t2 + output] = c0; map[t2 + output + 1] = c1; map[t2 + output + 2] = c2; map[t2 + output + 3] = c3;
      map[t3 + output] = d0; map[t3 + output + 1] = d1; map[t3 + output + 2] = d2; map[t3 + output + 3] = d3;
    }
  }
}

// A latent with the embedding of its class behind it. `classes` are pairs of a class and its share, which add up to 1.
function conditioned(latent, classes, embeddings) {
  if (!embeddings) return latent;
  const vector = new Float64Array(latent.length + CLASS_EMBEDDING_DIM);
  vector.set(latent);
  for (const [number, share] of classes) {
    const row = embeddings.subarray(number * CLASS_EMBEDDING_DIM, (number + 1) * CLASS_EMBEDDING_DIM);
    row.forEach((value, i) => { vector[latent.length + i] += share * value; });
  }
  return vector;
}

// A dense layer: latent (Z) by kernel (Z, outputs), plus bias; double precision.
function dense(latent, kernel, bias, outputs) {
  const sums = bias ? Float64Array.from(bias) : new Float64Array(outputs);
  for (let i = 0, place = 0; i < latent.length; i++) {
    const value = latent[i];
    for (let output = 0; output < outputs; output++) sums[output] += value * kernel[place++];
  }
  return sums;
}

// Scale and shift of each channel that follow a layer: normalization, with modulation by the latent, or only a bias.
function channelAffine(weights, {name, layer, channels}, latent) {
  const mean = weights.get(`${name}_normalize/moving_mean`);
  if (!mean) return {scale: new Float64Array(channels).fill(1), shift: weights.get(`${layer}/bias`)};
  const variance = weights.get(`${name}_normalize/moving_variance`);
  const modulation = (kind) => {
    const kernel = weights.get(`${name}_${kind}/kernel`), bias = weights.get(`${name}_${kind}/bias`);
    return dense(latent, kernel, bias, channels);
  };
  const isModulated = weights.has(`${name}_scale/kernel`);
  const gamma = isModulated ? modulation("scale") : weights.get(`${name}_normalize/gamma`);
  const beta = isModulated ? modulation("shift") : weights.get(`${name}_normalize/beta`);
  const scale = Float64Array.from(gamma, (value, i) => value / Math.sqrt(variance[i] + NORMALIZATION_EPSILON));
  return {scale, shift: Float64Array.from(beta, (value, i) => value - mean[i] * scale[i])};
}

function applyAffine(map, {scale, shift}, pixels, channels) {
  const stride = padded(channels);
  for (let pixel = 0, place = 0; pixel < pixels; pixel++, place += stride) {
    for (let i = 0; i < channels; i++) map[place + i] = Math.max(0, map[place + i] * scale[i] + shift[i]);
  }
}

// A value in [-1, 1] as a byte, in float32; typed arrays round it to the nearest, ties to even.
const toByte = (value) => Math.fround(Math.fround(Math.fround(value) + 1) * 127.5);

// Pixels from the map of the last stage: tanh of the map and its bias.
function tanhBytes(map, bias, pixels, channels) {
  const bytes = new Uint8ClampedArray(pixels * channels);
  for (let pixel = 0, to = 0; pixel < pixels; pixel++) {
    for (let i = 0; i < channels; i++) bytes[to++] = toByte(Math.tanh(Math.fround(map[4 * pixel + i] + bias[i])));
  }
  return bytes;
}

// Pixels from the map of the last stage where there is a palette: its colors, weighted by the softmax of the map.
function paletteBytes(map, bias, palette, pixels, channels) {
  const count = bias.length, stride = padded(count), shares = new Float64Array(count);
  const bytes = new Uint8ClampedArray(pixels * channels);
  for (let pixel = 0, to = 0; pixel < pixels; pixel++) {
    let largest = -Infinity, sum = 0;
    for (let i = 0; i < count; i++) largest = Math.max(largest, (shares[i] = map[stride * pixel + i] + bias[i]));
    for (let i = 0; i < count; i++) sum += shares[i] = Math.exp(shares[i] - largest);
    for (let channel = 0; channel < channels; channel++) {
      let value = 0;
      for (let i = 0; i < count; i++) value += shares[i] * palette[i * channels + channel];
      bytes[to++] = toByte(value / sum);
    }
  }
  return bytes;
}

// The first feature map: a function from a latent vector to the map.
function compileProjection(settings, weights) {
  const {sizes, widths} = sizesAndWidths(settings), channels = widths.at(-1), pixels = product(sizes.at(-1));
  const stride = padded(channels), map = new Float32Array((pixels + 1) * stride), bias = weights.get("project/bias");
  const plain = {scale: new Float64Array(channels).fill(1), shift: new Float64Array(channels)};

  return (latent) => {
    const sums = dense(latent, weights.get("project/kernel"), bias, pixels * channels);
    for (let i = 0; i < sums.length; i++) map[Math.floor(i / channels) * stride + (i % channels)] = sums[i];
    const affine = bias ? plain : channelAffine(weights, {name: "project", channels}, latent);
    applyAffine(map, affine, pixels, channels);
    return map;
  };
}

// The stages, from the first feature map to the image: {name, layer, inputs, channels, pixels, phases, map}.
function compileStages(settings, weights) {
  const {sizes, widths} = sizesAndWidths(settings), {kernel_size: kernelSize, upsampling} = settings;
  const isTransposed = upsampling === "transposed";
  return range(settings.depth).map((index) => {
    const number = settings.depth - index, name = `stage_${number}`;
    const layer = `${name}_${isTransposed ? "enlarge" : "smooth"}`;
    const inputs = widths[number - 1], channels = number > 1 ? widths[number - 2] : outputChannels(settings);
    const from = sizes[number], to = sizes[number - 1], kernel = weights.get(`${layer}/kernel`);
    const phasesOf = (axis) => axisPhases(settings, from[axis], to[axis]);
    const stage = {inputs, outputs: channels, from, to, kernel, kernelSize, isTransposed};
    const phases = phasesOf(0).flatMap((down) => phasesOf(1).map((across) => compilePhase(stage, down, across)));
    const map = new Float32Array((product(to) + 1) * padded(channels));
    return {name, layer, inputs, channels, pixels: product(to), phases, map};
  });
}

// Prepares a network. `weights` maps names to Float32Arrays of the shapes of `weightShapes`. Returns a function from a
// latent vector, Float32Array (Z), and its classes, as in `conditioned`, to the image's bytes, Uint8ClampedArray
// (H * W * C).
function compileNetwork(settings, weights) {
  const project = compileProjection(settings, weights), stages = compileStages(settings, weights);
  return (drawn, classes) => {
    const latent = conditioned(drawn, classes, weights.get(CLASS_EMBEDDING));
    let map = project(latent);
    for (const stage of stages) {
      for (const phase of stage.phases) computePhase(phase, stage.inputs, padded(stage.channels), map, stage.map);
      map = stage.map;
      if (stage !== stages.at(-1)) {
        applyAffine(map, channelAffine(weights, stage, latent), stage.pixels, stage.channels);
      }
    }
    const {layer, pixels} = stages.at(-1), bias = weights.get(`${layer}/bias`), {channels} = settings;
    if (!settings.palette_size) return tanhBytes(map, bias, pixels, channels);
    const colors = dense(latent, weights.get("palette/kernel"), weights.get("palette/bias"), settings.palette_size * channels);
    return paletteBytes(map, bias, colors.map(Math.tanh), pixels, channels);
  };
}
