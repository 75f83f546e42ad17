// An image and its directions: sliders that move it, each below a strip of what it does. gr.HTML gives: element, server,
// props, trigger, watch. `start`: a point; `drawn_by`: [model, truncation]. Events: settled, keep and show, with {point}.
const find = (selector) => element.querySelector(selector);
const view = find(".view"), frame = find(".frame"), words = find(".words"), problem = find(".problem");
const list = find(".rows"), actions = [...element.querySelectorAll("[data-action]")];
const NAMES_KEY = "dcgan-hub-directions", REST_MILLISECONDS = 400, TYPING_MILLISECONDS = 500;
const AWAY = "The server did not answer. Try again.";
let shown = null;  // the answer that the rows are of
let amounts = {};  // by direction, without zeros
let refused = "";  // why the start that was asked for last is not shown
let ticket = 0, isDrawing = false, isBehind = false, isStale = true, resting = 0, typing = 0;

const asked = (more) => {
  const [model, truncation] = props.drawn_by;
  return {model, truncation, ticket, ...more};
};

const asking = (question, more) => server[question](asked(more)).catch(() => ({ticket, problem: AWAY}));

// Names are kept in the browser, by the weights that the directions are of.
function readNames() {
  try {
    const stored = JSON.parse(localStorage.getItem(NAMES_KEY));
    return stored && typeof stored === "object" ? stored : {};
  } catch {
    return {};
  }
}

function storeName(direction, name) {
  const names = readNames();
  names[shown.revision] = {...names[shown.revision], [direction]: name};
  if (!name) delete names[shown.revision][direction];
  try { localStorage.setItem(NAMES_KEY, JSON.stringify(names)); } catch { /* not allowed: it lasts until the reload */ }
}

function part(tag, className, properties = {}) {
  return Object.assign(document.createElement(tag), {className, ...properties});
}

function addRow(address, index) {
  const direction = index + 1, row = part("li", "row");
  const name = part("input", "name", {type: "text", maxLength: 40, placeholder: `Direction ${direction}`});
  const amount = part("output", "amount"), strip = part("div", "stops");
  const slider = part("input", "slider", {type: "range", step: 0.1});
  [slider.min, slider.max] = [shown.stops[0], shown.stops.at(-1)];
  name.value = readNames()[shown.revision]?.[direction] || "";
  name.setAttribute("aria-label", `Name of direction ${direction}`);
  const label = () => slider.setAttribute("aria-label", name.value || name.placeholder);
  name.addEventListener("input", label);
  name.addEventListener("change", () => storeName(direction, name.value.trim()));
  strip.setAttribute("aria-hidden", "true");  // the slider does the same, by keyboard too
  strip.style.backgroundImage = `url("${address}")`;
  shown.stops.forEach((stop) => {
    const tile = part("span", "stop");
    tile.addEventListener("click", () => set(direction, stop));
    strip.append(tile);
  });
  slider.addEventListener("input", () => set(direction, Number(slider.value)));
  label();
  row.append(name, amount, strip, slider);
  list.append(row);
}

function showAmounts() {
  [...list.children].forEach((row, index) => {
    const value = amounts[index + 1] || 0, slider = row.querySelector(".slider");
    if (Number(slider.value) !== value) slider.value = value;
    const text = `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value)}`;
    row.querySelector(".amount").textContent = text;
    slider.setAttribute("aria-valuetext", text);
  });
}

function set(direction, value) {
  if (value) amounts[direction] = value;
  else delete amounts[direction];
  showAmounts();
  redraw();
}

// One question at a time, and the next with the sliders as they are then, so that the image follows them.
async function redraw() {
  if (isDrawing) {
    isBehind = true;
    return;
  }
  isDrawing = true;
  const mine = ticket;
  do {
    isBehind = false;
    const answer = await asking("moved", {start: shown.start, amounts});
    if (mine !== ticket) break;  // of an earlier image
    take(answer);
  } while (isBehind);
  isDrawing = false;
  if (mine !== ticket && shown) redraw();
}

function take(answer) {
  problem.textContent = answer.problem || refused;
  if (!answer.point) return;
  view.src = answer.source;
  view.alt = `Image of ${answer.words}`;
  view.dataset.point = answer.point;
  view.hidden = false;
  frame.hidden = true;
  clearTimeout(resting);
  resting = setTimeout(() => {
    words.textContent = answer.words;
    trigger("settled", {point: answer.point});
  }, REST_MILLISECONDS);
  for (const action of actions) action.disabled = action.dataset.action === "reset" && !Object.keys(amounts).length;
}

async function ask() {
  if (!props.drawn_by[0]) return;
  isStale = false;
  const mine = ++ticket;
  const answer = await asking("rows", {start: props.start});
  if (mine !== ticket) return;
  problem.textContent = refused = answer.problem || "";
  if (!answer.rows) return;
  shown = answer;
  amounts = answer.amounts;
  element.style.setProperty("--shape", `${answer.width} / ${answer.height}`);
  list.style.setProperty("--strip-shape", `${answer.width * answer.stops.length} / ${answer.height}`);
  list.replaceChildren();
  answer.rows.forEach(addRow);
  showAmounts();
  redraw();
}

const doing = {
  keep: () => trigger("keep", {point: view.dataset.point}),
  show: () => trigger("show", {point: view.dataset.point}),
  reset: () => {
    amounts = {};
    showAmounts();
    redraw();
    list.querySelector(".slider")?.focus({preventScroll: true});  // a disabled button would lose it
  },
};
for (const action of actions) action.addEventListener("click", () => doing[action.dataset.action]());

// A picture of the visitor's own: only a small copy in the generator's size is sent.
const chooser = find(".choose"), file = find("input[type=file]"), figure = find("figure"), bar = find("progress");
let search = 0;

async function small(chosen) {
  const picture = await createImageBitmap(chosen);
  const canvas = Object.assign(document.createElement("canvas"), {width: shown.width, height: shown.height});
  const scale = Math.max(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  const brush = canvas.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  return canvas.toDataURL("image/jpeg", 0.98);
}

async function look(chosen) {
  problem.textContent = "";
  try {
    const picture = await small(chosen);
    find(".target").src = picture;
    find(".found").removeAttribute("src");
    figure.hidden = false;
    find("figcaption span").textContent = "Looking for the nearest image …";
    bar.hidden = false;
    bar.removeAttribute("value");
    trigger("find", {picture, ticket: ++search});
  } catch {
    problem.textContent = `${chosen.name} is not a picture that this browser can open. Choose another.`;
  }
}

function follow() {
  const answer = props.value;
  if (!answer || answer.ticket !== search) return;
  if (answer.problem) {
    problem.textContent = answer.problem;
    figure.hidden = true;
    return;
  }
  find(".found").src = answer.image;
  bar.max = answer.steps;
  bar.value = answer.step;
  bar.hidden = Boolean(answer.point);
  const far = `${(100 * answer.distance).toFixed(1)}% apart`;
  find("figcaption span").textContent = answer.point ? `Yours, and the nearest image: ${far}` : "Coming nearer …";
}

chooser.addEventListener("click", () => shown && file.click());
file.addEventListener("change", () => {
  if (file.files[0]) look(file.files[0]);
  file.value = "";  // so that the same file can be chosen again
});
watch("value", follow);

const sight = new IntersectionObserver((entries) => {
  if (isStale && entries.some((entry) => entry.isIntersecting)) ask();
});

function renew() {
  isStale = true;
  sight.unobserve(element);
  sight.observe(element);
}

let model = props.drawn_by[0];
watch("drawn_by", () => {
  if (props.drawn_by[0] !== model) {
    model = props.drawn_by[0];
    ticket++;
    shown = null;
    amounts = {};
    clearTimeout(resting);
    list.replaceChildren();
    view.hidden = !(frame.hidden = false);
    view.removeAttribute("data-point");
    for (const text of [words, problem]) text.textContent = "";
    for (const action of actions) action.disabled = true;
    search++;
    figure.hidden = true;
  }
  renew();
});
watch("start", () => {
  clearTimeout(typing);
  typing = setTimeout(renew, TYPING_MILLISECONDS);
});
sight.observe(element);
