// Short names of points in latent space, as in dcgan_hub/networks/point_syntax.py: 42, 42~7@0.3, 1.2.3, 1.2-3+4,
// 42_1@2.5, a vector in full, 42c3 in class 3, and lists of them, in which 5-9 is five seeds and 5-9c3 the same in class 3.
// A point is {text, seed, named, latent}; latent is a function from a space, {latentDim, directions, classNames}, to a
// Float32Array (Z). Directions are Float32Arrays (Z). `named` are pairs of a class that the text names and its share, which
// add up to 1; without any the class is that of the seed: the first, past the middle of a turn that of the target, and 0
// for vectors in full. See dcgan_hub/networks/point_classes.py.

const MAX_SEED = 4294967295, MAX_CHARACTERS = 450, MAX_NESTED = 6, MAX_AVERAGED = 16, MAX_DIRECTIONS = 20;
const VECTOR_STEPS = 32, VECTOR_ZERO = 128;  // a number of a vector in full is a byte
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const EXAMPLES = "Try 42, or 5-9, or 42~7@0.3.";

const operandText = (point) => (point.inner || /^(\d+|z[A-Z2-7]+)$/.test(point.text) ? point.text : `(${point.text})`);
const decimal = (number, digits) => number.toFixed(digits).replace(/\.?0+$/, "");
const partText = (part) => decimal(part, 5);

function seedPoint(seed) {
  return {text: String(seed), seed, named: [], latent: ({latentDim}) => drawLatent(seed, latentDim)};
}

// The point in the class with a number, instead of the one that it is in.
function classPoint(point, number) {
  const inner = point.inner ?? point, text = `${operandText(inner)}c${number}`;
  return {
    text, inner, seed: inner.seed, named: [[number, 1]],
    latent: (space) => {
      const count = space.classNames.length;
      if (!count) refuse("A point with a class is for generators with classes", `${text} for one without`);
      if (number >= count) refuse(`The number of a class must be 0 to ${count - 1}`, `${number} in ${text}`);
      return inner.latent(space);
    },
  };
}

// The weighted mean of classes, [[weight, named], ...], of those that name any.
function joinClasses(members) {
  const naming = members.filter(([, named]) => named.length), joined = new Map();
  const total = naming.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, named] of naming) {
    for (const [number, share] of named) {
      // All weight of a turn to its very end is on a target that may name no class.
      joined.set(number, (joined.get(number) ?? 0) + (total ? weight / total : 1) * share);
    }
  }
  return [...joined].filter(([, share]) => share);
}

// From one point towards another.
function turnPoint(start, target, part) {
  return {
    text: `${operandText(start)}~${operandText(target)}@${partText(part)}`,
    seed: (part < 0.5 ? start : target).seed,
    named: joinClasses([[1 - part, start.named], [part, target.named]]),
    latent: (space) => interpolate(start.latent(space), target.latent(space), part),
  };
}

// The same with a part that is rounded to five decimals, and 0 and 1 as the ends themselves.
function towards(start, target, part) {
  const rounded = Number(part.toFixed(5));
  return rounded === 0 || rounded === 1 ? (rounded ? target : start) : turnPoint(start, target, rounded);
}

// The mean of one group, or A - B + C of the means of three, scaled to the typical norm.
function mixPoint(groups) {
  const means = groups.map((group) => group.map(operandText).join("."));
  const text = means.length === 1 ? means[0] : `${means[0]}-${means[1]}+${means[2]}`;
  return {
    text,
    seed: groups[0][0].seed,
    named: joinClasses(groups[0].map(({named}) => [1, named])),
    latent: (space) => {
      const total = new Float64Array(space.latentDim);
      groups.forEach((group, index) => {
        const sign = index === 1 ? -1 : 1;
        for (const point of group) {
          point.latent(space).forEach((value, i) => { total[i] += (sign * value) / group.length; });
        }
      });
      const length = norm(total);
      if (length < 1e-6) refuse("The sum of a mix must not be zero", text);
      return Float32Array.from(total, (value) => (value * Math.sqrt(space.latentDim)) / length);
    },
  };
}

// A point moved along directions of the generator: ascending pairs of a direction, 1 to 20, and an amount.
function shiftedPoint(start, shifts) {
  const text = operandText(start) + shifts.map(([direction, amount]) => `_${direction}@${decimal(amount, 2)}`).join("");
  return {
    text, start, shifts, seed: start.seed, named: start.named,
    latent: (space) => {
      const known = space.directions.length;
      if (shifts.at(-1)[0] > known) refuse(`This page knows ${known} directions of the generator`, text);
      const moved = Float64Array.from(start.latent(space));
      for (const [direction, amount] of shifts) {
        space.directions[direction - 1].forEach((value, i) => { moved[i] += amount * value; });
      }
      return Float32Array.from(moved);
    },
  };
}

// A vector in full: the letters behind z are its bytes in base32. Returns null if they are no canonical base32.
function vectorPoint(letters) {
  const bytes = new Uint8Array(Math.floor((letters.length * 5) / 8));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const five = BASE32.indexOf(letters[Math.floor(bit / 5)]);
    bytes[bit >> 3] |= ((five >> (4 - (bit % 5))) & 1) << (7 - (bit & 7));
  }
  if (!bytes.length || letters !== encodeBase32(bytes)) return null;
  return {
    text: `z${letters}`,
    seed: 0,
    named: [],
    latent: ({latentDim}) => {
      const isOfThis = bytes.length === latentDim;
      if (!isOfThis) refuse(`The latents of this generator have ${latentDim} numbers`, `a point of ${bytes.length}`);
      return Float32Array.from(bytes, (byte) => (byte - VECTOR_ZERO) / VECTOR_STEPS);
    },
  };
}

function encodeBase32(bytes) {
  const fives = new Uint8Array(Math.ceil((bytes.length * 8) / 5));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    fives[Math.floor(bit / 5)] |= ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1) << (4 - (bit % 5));
  }
  return [...fives].map((five) => BASE32[five]).join("");
}

// One point; throws a Refusal if the text is none.
function parsePoint(text) {
  let place = 0;
  const complain = () => {
    const wanted = `A seed is a whole number from 0 to ${MAX_SEED}, and a point consists of seeds`;
    throw new Refusal(`${wanted}. Received: ${shorten(text)}. ${EXAMPLES}`);
  };
  const accept = (sign) => text.startsWith(sign, place) && (place += sign.length) > 0;
  const expect = (sign) => accept(sign) || complain();
  const match = (pattern) => {
    pattern.lastIndex = place;
    const found = pattern.exec(text) ?? complain();
    place = pattern.lastIndex;
    return found[0];
  };

  function operand(depth) {
    const alone = placeAlone(depth);
    return text.startsWith("c", place) ? classPoint(alone, Number(match(/c(?:0|[1-9]\d{0,2})(?!\d)/y).slice(1))) : alone;
  }

  function placeAlone(depth) {
    if (accept("(")) {
      const inner = point(depth + 1);
      expect(")");
      return inner;
    }
    if (text.startsWith("z", place)) return vectorPoint(match(/z[A-Z2-7]+/y).slice(1)) ?? complain();
    const seed = Number(match(/0|[1-9]\d{0,9}/y));
    return seed <= MAX_SEED ? seedPoint(seed) : complain();
  }

  function mean(depth) {
    const points = [operand(depth)];
    while (accept(".")) points.push(operand(depth));
    return points.length <= MAX_AVERAGED ? points : complain();
  }

  function shifts() {
    const found = [];
    while (text.startsWith("_", place)) {
      const [direction, amount] = match(/_[1-9]\d?@-?\d(?:\.\d{1,2})?(?!\d)/y).slice(1).split("@").map(Number);
      if (amount === 0 || direction <= (found.at(-1)?.[0] ?? 0) || direction > MAX_DIRECTIONS) complain();
      found.push([direction, amount]);
    }
    return found;
  }

  function point(depth) {
    if (depth > MAX_NESTED) complain();
    const first = mean(depth);
    if (first.length === 1 && accept("~")) {
      const target = operand(depth);
      expect("@");
      const part = Number(match(/(?:0(?:\.\d{1,5})?|1(?:\.0{1,5})?)(?!\d)/y));
      return turnPoint(first[0], target, part);
    }
    if (first.length === 1 && text.startsWith("_", place)) return shiftedPoint(first[0], shifts());
    if (!accept("-")) return first.length === 1 ? first[0] : mixPoint([first]);
    const second = mean(depth);
    expect("+");
    return mixPoint([first, second, mean(depth)]);
  }

  if (text.length > MAX_CHARACTERS) complain();
  const parsed = point(0);
  return place === text.length ? parsed : complain();
}

// A list such as "1, 5-9, 42~7@0.3": at least one point and at most `most`.
function parsePoints(text, most) {
  const points = [];
  for (const part of text.split(/[\s,;]+/).filter(Boolean)) {
    const [, first, last, inClass] = /^(\d{1,10})-(\d{1,10})(?:c(0|[1-9]\d{0,2}))?$/.exec(part) ?? [];
    const isRange = first !== undefined && Number(first) <= Number(last) && Number(last) <= MAX_SEED;
    if (!isRange) points.push(parsePoint(part));
    for (let seed = Number(first); isRange && seed <= Number(last) && points.length <= most; seed++) {
      points.push(inClass === undefined ? seedPoint(seed) : classPoint(seedPoint(seed), Number(inClass)));
    }
    if (points.length > most) throw new Refusal(`A sheet takes at most ${most} images. Leave some out.`);
  }
  if (!points.length) throw new Refusal(`Name at least one seed. ${EXAMPLES}`);
  return points;
}
