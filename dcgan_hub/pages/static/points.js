// Short names of points in latent space, as in dcgan_hub/networks/latent_points.py: 42, 42~7@0.3, 1.2.3, 1.2-3+4, and
// lists of them, in which 5-9 is five seeds. A point is {text, latent}, latent a function from Z to a Float32Array (Z).

const MAX_SEED = 4294967295, MAX_CHARACTERS = 400, MAX_NESTED = 6, MAX_AVERAGED = 16;
const EXAMPLES = "Try 42, or 5-9, or 42~7@0.3.";

const operandText = (point) => (/^\d+$/.test(point.text) ? point.text : `(${point.text})`);
const partText = (part) => part.toFixed(5).replace(/\.?0+$/, "");

function seedPoint(seed) {
  return {text: String(seed), latent: (count) => drawLatent(seed, count)};
}

// From one point towards another.
function turnPoint(start, target, part) {
  return {
    text: `${operandText(start)}~${operandText(target)}@${partText(part)}`,
    latent: (count) => interpolate(start.latent(count), target.latent(count), part),
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
    latent: (count) => {
      const total = new Float64Array(count);
      groups.forEach((group, index) => {
        const sign = index === 1 ? -1 : 1;
        for (const point of group) {
          point.latent(count).forEach((value, i) => { total[i] += (sign * value) / group.length; });
        }
      });
      const length = norm(total);
      if (length < 1e-6) refuse("The sum of a mix must not be zero", text);
      return Float32Array.from(total, (value) => (value * Math.sqrt(count)) / length);
    },
  };
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
    if (accept("(")) {
      const inner = point(depth + 1);
      expect(")");
      return inner;
    }
    const seed = Number(match(/0|[1-9]\d{0,9}/y));
    return seed <= MAX_SEED ? seedPoint(seed) : complain();
  }

  function mean(depth) {
    const points = [operand(depth)];
    while (accept(".")) points.push(operand(depth));
    return points.length <= MAX_AVERAGED ? points : complain();
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
    const [, first, last] = /^(\d{1,10})-(\d{1,10})$/.exec(part) ?? [];
    const isRange = first !== undefined && Number(first) <= Number(last) && Number(last) <= MAX_SEED;
    if (!isRange) points.push(parsePoint(part));
    for (let seed = Number(first); isRange && seed <= Number(last) && points.length <= most; seed++) {
      points.push(seedPoint(seed));
    }
    if (points.length > most) throw new Refusal(`A sheet takes at most ${most} images. Leave some out.`);
  }
  if (!points.length) throw new Refusal(`Name at least one seed. ${EXAMPLES}`);
  return points;
}
