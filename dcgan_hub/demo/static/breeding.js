// Breeding: of sixteen pictures some are chosen, and become the parents of the next sixteen.
// Value: {ticket, pictures: [{point, words, source}], example, width, height} or {ticket, problem}; the example is a child
// of the first two pictures, or nothing. Events: ask, with {ticket, parents, first, tray, line}; choose; keep and show,
// with {point}. The line of ancestors is in the tab's link, as
// `read_line` reads it, so that it can be reloaded and left by Back; its pictures come with the answer.
const find = (selector) => element.querySelector(selector);
const litter = find(".litter"), hint = find(".hint"), problem = find(".problem"), words = find(".words");
const breed = find(".breed"), others = find(".others"), large = find(".large"), picked = find(".picked");
const list = find(".line ol"), actions = [...element.querySelectorAll("[data-action]")];
const MOST_PARENTS = 8, MOST_ANCESTORS = 12, START = {parents: [], first: 0};
const NOTHING = find(".large").innerHTML;
const SPARE = "A picture has at most eight parents. Leave one out first.";
const MOST_CHARACTERS = 4000, MOST_DRAWN = 64;  // of a line in a link; beyond them the oldest ancestors are left out
let line = [START], at = 0;  // the generations so far, and the one shown
let pictures = [], chosen = [], example = null;
let wanted = null, ticket = 0, isStale = true, focused = 0;

const textOf = ({parents, first}) => `${parents.map((one) => one.point).join(",")}${first ? `*${first}` : ""}`;

// The generation that is shown and its ancestors, as in links; "" for the start.
function lineText() {
  const [start, ...rest] = line.slice(0, at + 1), textOfAll = () => [start, ...rest].map(textOf).join(";");
  const isTooMuch = () => textOfAll().length > MOST_CHARACTERS || rest.flatMap(({parents}) => parents).length > MOST_DRAWN;
  while (rest.length > 1 && isTooMuch()) rest.shift();
  return textOfAll();
}

// The line that a link asks for, "" for none, or null on another tab; see address.js.
function linkedLine() {
  const asked = new URLSearchParams(document.body.dataset.visit);
  return asked.get("tab") === "mix" ? asked.get("line") || "" : null;
}

let due = {line, at, text: linkedLine() || ""};  // what is asked for when it is seen

const cells = Array.from({length: 16}, (_, index) => {
  const cell = document.createElement("button"), image = document.createElement("img");
  cell.type = "button";
  cell.className = "picture waiting";
  cell.disabled = true;
  cell.tabIndex = index ? -1 : 0;
  cell.append(image);
  litter.append(cell);
  return cell;
});

function trayPoints() {
  const points = [...document.querySelectorAll("#tray button.picture")].map((picture) => picture.dataset.point);
  return points.length > 1 ? points.join(", ") : "";
}

function ask(next) {
  wanted = next;
  isStale = false;
  const {parents, first} = next.line[next.at], text = next.text || "";
  const texts = parents.map((parent) => parent.point).join(", ");
  litter.setAttribute("aria-busy", "true");
  trigger("ask", {ticket: ++ticket, parents: texts, first, tray: texts ? "" : trayPoints(), line: text});
}

function take() {
  const answer = props.value || {};
  if (answer.ticket !== ticket || !wanted) return;  // of an earlier question
  litter.removeAttribute("aria-busy");
  problem.textContent = answer.problem || wanted.problem || "";
  if (answer.problem && wanted.text) ask({line: [START], at: 0, problem: answer.problem});  // a link that no longer fits
  if (!answer.pictures) return;
  due = null;
  if (answer.line) wanted = {line: answer.line, at: answer.line.length - 1};
  const isNew = JSON.stringify(line[at]) !== JSON.stringify(wanted.line[wanted.at]) || !pictures.length;
  ({line, at} = wanted);
  pictures = answer.pictures;
  [example = null] = answer.example || [];
  if (isNew) chosen = [];
  element.style.setProperty("--shape", `${answer.width} / ${answer.height}`);
  draw();
  document.querySelector("#mix-link .share").dispatchEvent(new CustomEvent("line", {bubbles: true, detail: lineText()}));
}

function picture(of, alt) {
  const image = document.createElement("img");
  image.src = of.source;
  image.alt = alt;
  return image;
}

function drawLitter() {
  const isStart = !line[at].parents.length;
  cells.forEach((cell, index) => {
    const shown = pictures[index], isChosen = chosen.some((one) => one.point === shown.point);
    const name = isStart ? shown.words : `Child ${index + 1}`;
    const image = cell.firstChild;
    if (image.src !== shown.source) image.src = shown.source;
    image.alt = name;
    cell.title = shown.words;
    cell.dataset.point = shown.point;
    cell.setAttribute("aria-pressed", String(isChosen));
    cell.classList.remove("waiting");
    cell.disabled = false;
  });
}

// A child with its parents in its corners; a click chooses them.
function exampleButton(parents) {
  const button = document.createElement("button"), names = parents.map((one) => one.words).join(" and ");
  button.type = "button";
  button.className = "example";
  button.setAttribute("aria-label", `Choose ${names}, of whom this is a child`);
  button.append(...[example, ...parents].map((one) => picture(one, "")));
  button.addEventListener("click", () => {
    parents.forEach(choose);
    breed.focus({preventScroll: true});
    trigger("choose", {});
  });
  return button;
}

// What is shown large: the picture chosen last, or else the parents of the sheet, or at the start an example.
function drawLarge() {
  const {parents} = line[at], last = chosen[chosen.length - 1], pair = pictures.slice(0, 2);
  const isExample = !last && !parents.length && example;
  const shown = last ? [last] : isExample ? [example] : parents;
  large.classList.toggle("several", shown.length > 1);
  if (isExample) large.replaceChildren(exampleButton(pair));
  else if (shown.length) large.replaceChildren(...shown.map((one) => picture(one, one.words)));
  else large.innerHTML = NOTHING;
  words.textContent = shown.length === 1 ? shown[0].words : shown.length ? "Their parents" : "";
  if (isExample) words.textContent = `For example, a child of ${pair.map((one) => one.words).join(" and ")}`;
  for (const action of actions) action.disabled = shown.length !== 1;
  large.dataset.point = shown.length === 1 ? shown[0].point : "";
}

function drawPicked() {
  picked.replaceChildren(...chosen.map((one) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.title = "Leave it out";
    button.append(picture(one, `Leave out ${one.words}`));
    button.addEventListener("click", () => {
      chosen = chosen.filter((other) => other !== one);
      draw();
      (picked.querySelector("button") || cells[focused]).focus();
    });
    item.append(button);
    return item;
  }));
}

function drawLine() {
  const hadFocus = list.contains(document.activeElement);
  list.replaceChildren(...line.map(({parents}, index) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    const names = parents.map((one) => one.words).join(" and ");
    button.setAttribute("aria-label", index ? `Back to the children of ${names}` : "Back to the start");
    if (index === at) button.setAttribute("aria-current", "step");
    if (index) button.append(...parents.slice(0, 4).map((one) => picture(one, "")));
    else button.textContent = "Start";
    button.classList.toggle("several", parents.length > 1);
    button.addEventListener("click", () => ask({line, at: index}));
    item.append(button);
    return item;
  }));
  find(".line").hidden = line.length < 2;
  if (hadFocus) list.children[at].firstChild.focus();
}

function draw() {
  const {parents} = line[at], many = chosen.length;
  drawLitter();
  drawLarge();
  drawPicked();
  drawLine();
  const hadFocus = document.activeElement === breed;
  breed.disabled = !many;
  if (hadFocus && !many) focusOn(0);  // a disabled button would lose it
  breed.textContent = many > 1 ? `Breed these ${many}` : many ? "Variations of this one" : "Breed";
  others.disabled = false;
  others.textContent = ["Other pictures", "Other variations"][parents.length] || "Other children";
  if (many > 1) hint.textContent = `${many} parents are chosen.`;
  else if (many) hint.textContent = "Choose another, or see its variations.";
  else if (parents.length > 1) hint.textContent = "Their children; more is new to the right.";
  else if (parents.length) hint.textContent = "Its variations; more is new to the right.";
  else hint.textContent = "Choose two or more that you like.";
}

function choose(one) {
  problem.textContent = "";
  if (chosen.some((other) => other.point === one.point)) chosen = chosen.filter((other) => other.point !== one.point);
  else if (chosen.length < MOST_PARENTS) chosen = [...chosen, one];
  else problem.textContent = SPARE;
  draw();
}

function focusOn(index) {
  if (index < 0 || index >= cells.length) return;
  cells[focused].tabIndex = -1;
  focused = index;
  cells[focused].tabIndex = 0;
  cells[focused].focus({preventScroll: true});
}

litter.addEventListener("click", (event) => {
  const index = cells.indexOf(event.target.closest("button"));
  if (index < 0) return;
  focusOn(index);
  choose(pictures[index]);
  trigger("choose", {});
});

litter.addEventListener("keydown", (event) => {
  const columns = getComputedStyle(litter).gridTemplateColumns.split(" ").length;
  const [up, down, last] = [focused - columns, focused + columns, cells.length - 1];
  const places = {ArrowLeft: focused - 1, ArrowRight: focused + 1, ArrowUp: up, ArrowDown: down, Home: 0, End: last};
  if (!(event.key in places)) return;
  event.preventDefault();
  focusOn(places[event.key]);
});

breed.addEventListener("click", () => {
  const [start, ...rest] = [...line.slice(0, at + 1), {parents: chosen, first: 0}];
  const kept = [start, ...rest.slice(-MOST_ANCESTORS)];
  ask({line: kept, at: kept.length - 1});
});

others.addEventListener("click", () => {
  // Of a question that is on its way, so that two quick clicks count as two.
  const now = wanted && litter.hasAttribute("aria-busy") ? wanted : {line, at};
  const more = {...now.line[now.at], first: now.line[now.at].first + 1};
  ask({line: now.line.with(now.at, more), at: now.at});
});

for (const action of actions) {
  action.addEventListener("click", () => {
    const data = {point: large.dataset.point};
    if (action.dataset.action === "keep") trigger("keep", data);
    else trigger("show", data);
  });
}

// Only of a generator that this has been told of, or its pictures would be taken for those of another one.
const sight = new IntersectionObserver((entries) => {
  if (isStale && props.drawn_by[0] && entries.some((entry) => entry.isIntersecting)) ask(due || {line, at});
});

// Pictures of another generator are another line; with the same generator only the sheet is drawn anew.
let model = props.drawn_by[0];
function renew() {
  if (props.drawn_by[0] !== model) {
    model = props.drawn_by[0];
    [line, at, pictures, chosen, example] = [[START], 0, [], [], null];
    if (!due?.text) due = null;
    for (const cell of cells) {
      cell.classList.add("waiting");
      cell.disabled = true;
      cell.firstChild.removeAttribute("src");
      cell.firstChild.alt = "";
    }
    for (const button of [breed, others, ...actions]) button.disabled = true;
    large.innerHTML = NOTHING;
    for (const part of [picked, list]) part.replaceChildren();
    for (const part of [words, hint, problem]) part.textContent = "";
  }
  becomeStale();
}

function becomeStale() {
  [isStale, wanted] = [true, null];
  sight.unobserve(element);
  sight.observe(element);
}

window.addEventListener("popstate", () => {
  const text = linkedLine();
  if (text === null || text === lineText()) return;
  due = {line: [START], at: 0, text};
  becomeStale();
});

watch("value", take);
watch("drawn_by", renew);
watch("offered", () => {
  const one = props.offered;
  if (one && pictures.length && !chosen.some((other) => other.point === one.point)) choose(one);
});
sight.observe(element);
