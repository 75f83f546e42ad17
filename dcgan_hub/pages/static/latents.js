// Latent vectors as NumPy draws them: RandomState(seed).standard_normal(count) as float32, and paths between them.
// The stream of RandomState is frozen (NEP 19), so one seed is one vector, here and in Python.

const STATE_WORDS = 624, CLASS_STREAM = 1;

// The state of the Mersenne Twister (Matsumoto & Nishimura 1998) seeded by one number.
function seededState(seed) {
  const state = new Uint32Array(STATE_WORDS);
  state[0] = seed;
  for (let i = 1; i < STATE_WORDS; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  return state;
}

// The same seeded by several numbers, at most as many as the state has words.
function stateOfKey(key) {
  const state = seededState(19650218);
  let place = 1;
  const mix = (factor, added) => {
    const before = state[place - 1];
    state[place] = (state[place] ^ Math.imul(before ^ (before >>> 30), factor)) + added;
    if (++place < STATE_WORDS) return;
    state[0] = state[STATE_WORDS - 1];
    place = 1;
  };
  for (let i = 0; i < STATE_WORDS; i++) mix(1664525, key[i % key.length] + (i % key.length));
  for (let i = 1; i < STATE_WORDS; i++) mix(1566083941, -place);
  state[0] = 0x80000000;
  return state;
}

// Doubles in [0, 1) of the Mersenne Twister.
function mersenneTwister(state) {
  let place = STATE_WORDS;

  function twist() {
    for (let i = 0; i < STATE_WORDS; i++) {
      const mixed = (state[i] & 0x80000000) | (state[(i + 1) % STATE_WORDS] & 0x7fffffff);
      state[i] = state[(i + 397) % STATE_WORDS] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    place = 0;
  }

  function word() {
    if (place === STATE_WORDS) twist();
    let value = state[place++];
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  return () => {
    const high = word() >>> 5, low = word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
}

// The latent vector of a seed, 0 to 4294967295: standard normal by the polar method, whose second number of a pair
// comes first. Returns a Float32Array of `count` numbers.
function drawLatent(seed, count) {
  const uniform = mersenneTwister(seededState(seed)), latent = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    let first, second, square;
    do {
      first = 2 * uniform() - 1;
      second = 2 * uniform() - 1;
      square = first * first + second * second;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    latent[i] = factor * second;
    if (i + 1 < count) latent[i + 1] = factor * first;
  }
  return latent;
}

// The class, 0 to `count` - 1, that a seed draws: int(RandomState([seed, 1]).random_sample() * count).
const drawClass = (seed, count) => Math.floor(mersenneTwister(stateOfKey([seed, CLASS_STREAM]))() * count);

function norm(vector) {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

// Spherical interpolation (White 2016): directions follow the great circle, norms are interpolated linearly. Vectors
// without a unique great circle are interpolated linearly. `part` is in [0, 1].
function interpolate(start, end, part) {
  const startLength = norm(start), endLength = norm(end);
  if (part === 0 || part === 1) return (part ? end : start).slice();
  let cosine = 0;
  for (let i = 0; i < start.length; i++) cosine += (start[i] / startLength) * (end[i] / endLength);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine))), sine = Math.sin(angle);
  if (!(startLength * endLength > 0) || sine < 1e-6) return start.map((value, i) => (1 - part) * value + part * end[i]);
  const length = (1 - part) * startLength + part * endLength;
  const first = Math.sin((1 - part) * angle) / sine / startLength, second = Math.sin(part * angle) / sine / endLength;
  return start.map((value, i) => length * (first * value + second * end[i]));
}
