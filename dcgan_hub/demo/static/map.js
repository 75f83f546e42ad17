// A map: a cursor on a square surface, and one large picture that follows it. Moving asks nobody.
// Value: {ticket, address, side, width, height, points, words, drawn} or {ticket, problem}. Events: ask, with {ticket,
// corners}; save, with the value's `drawn`; keep and show, with {point}.
const find = (selector) => element.querySelector(selector);
const view = find(".view"), brush = view.getContext("2d"), ground = find(".ground"), terrain = find(".terrain");
const cursor = find(".cursor"), words = find(".words"), problem = find(".problem");
const wanderer = find("[data-action=wander]"), buttons = [...element.querySelectorAll("[data-action]")];
const corners = [...element.querySelectorAll(".corner")];
const REST_MILLISECONDS = 180, TYPING_MILLISECONDS = 500, GOAL_MILLISECONDS = 1800, PULL = 3, FRICTION = 2.4;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
let map = null, sprite = null, ticket = 0, isStale = true;
let x = 0.5, y = 0.5;  // of the cursor, 0 to 1
let resting = 0, typing = 0, frame = 0;

const clamp = (value) => Math.min(1, Math.max(0, value));

function ask() {
  isStale = false;
  trigger("ask", {ticket: ++ticket, corners: props.corners});
}

async function take() {
  const answer = props.value || {};
  if (answer.ticket !== ticket) return;  // of an earlier question
  problem.textContent = answer.problem || "";
  if (!answer.points) return;
  const image = new Image();
  image.src = answer.address;
  await image.decode();  // before the map is replaced, so that nothing flickers
  if (answer.ticket !== ticket) return;
  [map, sprite] = [answer, image];
  terrain.src = map.address;
  terrain.hidden = cursor.hidden = false;
  [view.width, view.height] = [map.width, map.height];
  element.style.setProperty("--shape", `${map.width} / ${map.height}`);
  corners.forEach((corner, index) => {
    [corner.width, corner.height] = [map.width, map.height];
    paint(corner.getContext("2d"), index % 2 * (map.side - 1), Math.floor(index / 2) * (map.side - 1), 1);
  });
  for (const button of buttons) button.disabled = false;
  rest();
}

function paint(target, column, row, weight) {
  target.globalAlpha = weight;
  target.drawImage(sprite, column * map.width, row * map.height, map.width, map.height, 0, 0, map.width, map.height);
}

// Between the images of the map the four nearest are blended; where the cursor rests, one of them is shown as it is.
function draw() {
  const last = map.side - 1;
  const [left, top] = [x, y].map((share) => Math.min(Math.floor(share * last), last - 1));
  const across = x * last - left, down = y * last - top;
  brush.globalCompositeOperation = "source-over";
  brush.clearRect(0, 0, map.width, map.height);
  brush.globalCompositeOperation = "lighter";  // the sum
  for (const [column, row] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
    paint(brush, left + column, top + row, (column ? across : 1 - across) * (row ? down : 1 - down));
  }
  cursor.style.left = `${100 * x}%`;
  cursor.style.top = `${100 * y}%`;
  view.dataset.point = map.points[Math.round(y * last) * map.side + Math.round(x * last)];
}

function rest() {
  const last = map.side - 1;
  x = Math.round(x * last) / last;
  y = Math.round(y * last) / last;
  draw();
  const corner = [0, 1].includes(x) && [0, 1].includes(y) ? map.words[2 * y + x] : "";
  words.textContent = corner || `${Math.round(100 * x)}% to the right, ${Math.round(100 * y)}% down`;
  view.setAttribute("aria-label", `Picture of the map: ${words.textContent}`);
}

function move(toX, toY) {
  if (!map) return;
  stop();
  [x, y] = [clamp(toX), clamp(toY)];
  draw();
  clearTimeout(resting);
  resting = setTimeout(rest, REST_MILLISECONDS);
}

function stop() {
  if (!frame) return;
  cancelAnimationFrame(frame);
  frame = 0;
  wanderer.setAttribute("aria-pressed", "false");
  rest();
}

// A spring pulls the cursor to one goal after another, so the path is smooth.
function wander() {
  let goal = null, until = 0, before = performance.now(), speedX = 0, speedY = 0;
  clearTimeout(resting);
  wanderer.setAttribute("aria-pressed", "true");
  const step = (now) => {
    if (calm.matches || document.hidden || !element.checkVisibility()) return stop();
    const passed = Math.min(0.05, (now - before) / 1000);
    before = now;
    if (now > until) [goal, until] = [[Math.random(), Math.random()], now + GOAL_MILLISECONDS];
    speedX += passed * (PULL * (goal[0] - x) - FRICTION * speedX);
    speedY += passed * (PULL * (goal[1] - y) - FRICTION * speedY);
    [x, y] = [clamp(x + passed * speedX), clamp(y + passed * speedY)];
    draw();
    frame = requestAnimationFrame(step);
  };
  frame = requestAnimationFrame(step);
}

function follow(event) {
  const box = ground.getBoundingClientRect();
  move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
}

ground.addEventListener("pointerdown", (event) => {
  ground.setPointerCapture(event.pointerId);
  follow(event);
});
ground.addEventListener("pointermove", follow);

ground.addEventListener("keydown", (event) => {
  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  if (!map || !(event.key in steps)) return;
  event.preventDefault();
  const [across, down] = steps[event.key];
  move(x + across / (map.side - 1), y + down / (map.side - 1));
  rest();
});

const doing = {
  wander: () => frame ? stop() : wander(),
  keep: () => trigger("keep", {point: view.dataset.point}),
  show: () => trigger("show", {point: view.dataset.point}),
  save: () => trigger("save", map.drawn),
};
for (const button of buttons) {
  button.addEventListener("click", () => {
    if (button !== wanderer) stop();
    doing[button.dataset.action]();
  });
}
const suit = () => {
  wanderer.hidden = calm.matches;
  if (calm.matches) stop();
};
calm.addEventListener("change", suit);
suit();

const sight = new IntersectionObserver((entries) => {
  if (isStale && entries.some((entry) => entry.isIntersecting)) ask();
}, {rootMargin: "400px"});

function renew() {
  isStale = true;
  sight.unobserve(element);
  sight.observe(element);
}

// A map of one generator never shows the points of another.
let model = props.drawn_by[0];
function startOver() {
  if (props.drawn_by[0] !== model) {
    model = props.drawn_by[0];
    stop();
    clearTimeout(resting);
    ticket++;
    map = null;
    terrain.removeAttribute("src");
    terrain.hidden = cursor.hidden = true;
    for (const canvas of [view, ...corners]) canvas.width = canvas.width;  // empties it
    view.removeAttribute("data-point");
    for (const part of [words, problem]) part.textContent = "";
    for (const button of buttons) button.disabled = true;
  }
  renew();
}

watch("value", take);
watch("drawn_by", startOver);
watch("corners", () => {
  clearTimeout(typing);
  typing = setTimeout(renew, TYPING_MILLISECONDS);
});
sight.observe(element);
