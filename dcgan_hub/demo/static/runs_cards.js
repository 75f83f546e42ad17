// The runs as cards. gr.HTML gives: element, trigger, props, server, watch. Texts of runs only ever become text nodes.
const list = element.querySelector(".run-cards");
const empty = element.querySelector(".run-empty");
const more = element.querySelector(".run-more");
const fold = element.querySelector(".run-fold");
const FEW = 4;  // cards that are never folded away
const REQUESTS = 4;  // for thumbnails, at a time
const LIVE_PAUSE = 3000, PAUSE = 10000, HIDDEN_PAUSE = 1000;  // milliseconds between two looks
const cards = new Map();
const waiting = [];
let known = "", received = 0, busy = 0, chosen = null, seen = null;

const make = (tag, kind, parent) => {
  const node = document.createElement(tag);
  if (kind) node.className = kind;
  if (parent) parent.append(node);
  return node;
};
const whole = (value) => Number(value).toLocaleString("en", {maximumFractionDigits: 0});
const amount = (value, unit) => value === null ? "" : `${whole(value)} ${unit}`;
const joined = (...parts) => parts.filter(Boolean).join(" · ");

function ago(seconds) {
  if (seconds === null) return "";
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    const count = Math.floor(seconds / length);
    if (count) return `${whole(count)} ${unit}${count > 1 ? "s" : ""} ago`;
  }
  return "just now";
}

function build(name) {
  const item = make("li");
  const button = make("button", "run-card", item);
  button.type = "button";
  button.addEventListener("click", () => {
    list.classList.add("folded");
    tellFold();
    trigger("open_run", {run: name});
  });
  const frame = make("span", "thumbnail", button);
  const parts = {item, button, frame, image: make("img", "", frame)};
  parts.image.hidden = true;
  const head = make("span", "head", button);
  parts.title = make("span", "title", head);
  parts.badge = make("span", "badge", head);
  for (const part of ["data", "progress", "quality", "age"]) parts[part] = make("span", `line ${part}`, button);
  return parts;
}

function fill(card, run) {
  const speed = amount(run.images_per_second, "images/s");
  card.run = run;
  card.title.textContent = card.title.title = run.title;
  card.badge.textContent = run.state;
  card.badge.className = `badge ${run.state}`;
  card.button.title = run.words;
  card.data.textContent = joined(run.data, amount(run.images, "images"));
  card.progress.textContent = joined(amount(run.step, "steps"), speed) || "no report yet";
  card.quality.textContent = "quality not measured";
  if (run.best) card.quality.textContent = `best ${run.best.name} ${Number(run.best.value).toPrecision(2)}`;
  card.frame.classList.toggle("blank", run.newest_sheet === null);
  const isNew = run.newest_sheet !== null && card.sheet !== run.newest_sheet;
  if (isNew && !waiting.includes(card)) waiting.push(card);
}

function loadThumbnails() {
  while (waiting.length && busy < REQUESTS) {
    const card = waiting.shift(), step = card.run.newest_sheet;
    busy += 1;
    server.sheet({run: card.run.run, step, kind: "thumbnail"}).then((found) => {
      card.sheet = step;  // also where it cannot be shown, until there is a newer one
      card.frame.title = found.problem || "";
      if (found.problem) return;
      card.image.src = found.source;
      card.image.alt = `First images of ${card.run.title} at step ${whole(step)}`;
      card.image.hidden = false;
    }).catch(() => {}).finally(() => { busy -= 1; loadThumbnails(); });
  }
}

function tellAges() {
  const passed = (performance.now() - received) / 1000;
  for (const {run, age} of cards.values()) {
    age.textContent = ago(run.age_seconds === null ? null : run.age_seconds + passed);
  }
}

function tellChosen() {
  for (const [name, card] of cards) card.button.setAttribute("aria-pressed", String(name === chosen));
}

function tellFold() {
  const folded = list.classList.contains("folded");  // how many it hides depends on the width, see runs.css
  const isHidden = (item) => getComputedStyle(item).display === "none";
  fold.hidden = folded ? ![...list.children].some(isHidden) : cards.size <= FEW;
  fold.textContent = folded ? `Show all ${whole(cards.size)} runs` : "Show fewer";
  fold.setAttribute("aria-expanded", String(!folded));
}

const stateOfChosen = () => JSON.stringify([chosen, {...cards.get(chosen)?.run, age_seconds: null}]);

function tellChange() {
  const now = stateOfChosen(), isFolder = chosen && !chosen.startsWith("hf://");
  const isSame = seen !== null && JSON.parse(seen)[0] === chosen;
  if (isFolder && isSame && seen !== now) trigger("run_changed", {run: chosen});
  seen = now;
}

function show(runs, hidden) {
  received = performance.now();
  const names = new Set(runs.map((run) => run.run));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.item.remove();
    cards.delete(name);
  }
  runs.forEach((run, place) => {
    if (!cards.has(run.run)) cards.set(run.run, build(run.run));
    const card = cards.get(run.run);
    fill(card, run);
    if (list.children[place] !== card.item) list.insertBefore(card.item, list.children[place] || null);
  });
  empty.hidden = runs.length > 0;
  list.hidden = runs.length === 0;
  more.hidden = !hidden;
  more.textContent = hidden ? `and ${whole(hidden)} older runs, which are not shown here` : "";
  tellChange();
  tellChosen();
  tellFold();
  loadThumbnails();
}

async function look() {
  let pause = HIDDEN_PAUSE;  // so that the cards are there at once when the tab is opened again
  if (element.offsetParent !== null && !document.hidden) {
    pause = PAUSE;
    try {
      const answer = await server.look({known});
      if (answer.runs) show(answer.runs, answer.hidden);
      known = answer.known;
      if (answer.live) pause = LIVE_PAUSE;
    } catch { /* the server is away; it is asked again */ }
    tellAges();
  }
  if (element.isConnected) setTimeout(look, pause);
}

function choose() {
  chosen = props.value?.chosen ?? null;
  seen = stateOfChosen();
  tellChosen();
}

fold.addEventListener("click", () => { list.classList.toggle("folded"); tellFold(); });
new ResizeObserver(tellFold).observe(list);
watch("value", choose);
choose();
look();
