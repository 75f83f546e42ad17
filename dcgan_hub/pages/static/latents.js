// Latent vectors as NumPy draws them: RandomState(seed).standard_normal(count) as float32, and paths between them.
// The stream of RandomState is frozen (NEP 19), so one seed is one vector, here and in Python.

// Mersenne Twister (Matsumoto & Nishimura 1998), seeded by one number; gives doubles in [0, 1).
function mersenneTwister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let place = 624;

  function twist() {
    for (let i = 0; i < 624; i++) {
      const mixed = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    place = 0;
  }

  function word() {
    if (place === 624) twist();
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
  const uniform = mersenneTwister(seed), latent = new Float32Array(count);
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
