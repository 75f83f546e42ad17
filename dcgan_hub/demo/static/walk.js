// A walk through key frames. All of its images are here, side by side in one picture, so that playing asks nobody.
// Value: {address, columns, width, height, points, words, keys: [{words, at, image}], seconds}; images along the walk come
// first, then those of the key frames. Events: shown, when the tab is opened; keep and show, with {point}.
const find = (selector) => element.querySelector(selector);
const view = find("canvas"), stops = find(".stops"), slider = find("input"), play = find(".play");
const clock = find(".clock"), caption = find(".caption");
const actions = [...element.querySelectorAll("[data-action]")];
const TYPING = "input:not([type=range]), textarea, select, button, a, [contenteditable]";
const LONGEST_STEP = 0.25;  // seconds; a page that was away goes on where it was
let walk = null, sheet = null, ticket = 0, timer = 0, before = null;
let index = 0, elapsed = 0;  // the image shown, and the seconds before it
let isPlaying = !matchMedia("(prefers-reduced-motion: reduce)").matches, isVisible = false;

const last = () => walk.points.length - 1;
// The image at a share of the walk; a hair more than the share, which is a quotient.
const imageAt = (share) => Math.min(Math.floor(share * walk.points.length + 1e-6), last());

function paint(canvas, image) {
  const {columns, width, height} = walk, row = Math.floor(image / columns);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.drawImage(sheet, (image % columns) * width, row * height, width, height, 0, 0, width, height);
}

function showTime() {
  clock.textContent = `${elapsed.toFixed(1)} of ${walk.seconds.toFixed(1)} s`;
}

function show(image) {
  index = image;
  paint(view, index);
  const words = walk.words[index];
  view.setAttribute("aria-label", `Image ${words.startsWith("from") ? words : `of ${words}`}`);
  view.dataset.point = walk.points[index];
  caption.textContent = caption.title = words;
  slider.value = String(index);
  slider.setAttribute("aria-valuetext", words);
  for (const action of actions) action.disabled = !walk.points[index];
  const passed = walk.keys.filter((key) => key.at <= index).length - 1;
  [...stops.children].forEach((stop, place) => stop.setAttribute("aria-current", String(place === passed)));
}

function step(now) {
  elapsed = (elapsed + Math.min((now - (before ?? now)) / 1000, LONGEST_STEP)) % walk.seconds;
  before = now;
  const image = imageAt(elapsed / walk.seconds);
  if (image !== index) show(image);
  showTime();
  timer = requestAnimationFrame(step);
}

function run() {
  cancelAnimationFrame(timer);
  before = null;
  play.textContent = isPlaying ? "Pause" : "Play";
  if (isPlaying && isVisible && walk) timer = requestAnimationFrame(step);
}

function setPlaying(wanted) {
  isPlaying = wanted;
  run();
}

function goTo(image) {
  setPlaying(false);
  elapsed = (image / walk.points.length) * walk.seconds;
  show(image);
  showTime();
}

function addStop({words, at, image}) {
  const stop = document.createElement("button"), small = document.createElement("canvas");
  stop.type = "button";
  stop.title = words;
  stop.setAttribute("aria-label", `Go to ${words}`);
  [small.width, small.height] = [walk.width, walk.height];
  stop.append(small);
  stop.addEventListener("click", () => goTo(at));
  stops.append(stop);
  paint(small, image);
}

async function load() {
  const wanted = props.value, mine = ++ticket;
  if (!wanted) return;
  const picture = new Image();
  picture.src = wanted.address;
  await picture.decode();  // until then the walk before stays
  if (mine !== ticket) return;
  const share = walk ? index / walk.points.length : 0;
  [walk, sheet] = [wanted, picture];
  [view.width, view.height] = [walk.width, walk.height];
  slider.max = String(last());
  slider.disabled = play.disabled = false;
  const focused = [...stops.children].indexOf(document.activeElement);
  stops.replaceChildren();
  walk.keys.forEach(addStop);
  stops.children[focused]?.focus();
  elapsed = share * walk.seconds;
  show(imageAt(share));
  showTime();
  run();
}

play.addEventListener("click", () => setPlaying(!isPlaying));
view.addEventListener("click", () => { if (walk) setPlaying(!isPlaying); });
slider.addEventListener("input", () => goTo(Number(slider.value)));
for (const action of actions) {
  action.addEventListener("click", () => {
    const data = {point: walk.points[index]};
    if (action.dataset.action === "keep") trigger("keep", data);
    else trigger("show", data);
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !isVisible || !element.isConnected || !walk || event.target.closest(TYPING)) return;
  event.preventDefault();
  setPlaying(!isPlaying);
});
new ResizeObserver(() => {
  const wasVisible = isVisible;
  isVisible = element.clientWidth > 0;
  if (isVisible === wasVisible) return;
  run();
  if (isVisible) trigger("shown");
}).observe(element);
watch("value", load);
load();
