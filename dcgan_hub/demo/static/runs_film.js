// Sample sheets as a film: one run, or two side by side. gr.HTML gives: element, props, server, watch.
// Sheets are asked for one by one, some ahead of the one shown, and kept, so that a second showing asks for nothing.
// Every image of a sheet is a button that shows it through all steps, see runs_life.js.
const find = (selector) => element.querySelector(selector);
const lanes = find(".lanes"), label = find(".label"), problem = find(".problem"), hint = find(".hint");
const slider = find("input"), play = find(".play"), speed = find("select"), save = find(".save");
const page = element.closest("#run-detail");
const AHEAD = 6, KEPT = 800;  // sheets; a film has at most 400 frames of two, which a loop asks for once
const SHORTEST_PLAY = 6000;  // milliseconds
const SIDE = 8;  // images of a sheet in a row
const GAP = 2;  // pixels around each image of a sheet
const AWAY = "The server did not answer. Try again.";
const NO_FILM = {id: "", runs: [], frames: [], problem: ""};
let film = NO_FILM, sheets = new Map(), views = [], at = 0, ticket = 0, timer = null, chosen = null;

const tell = (name, detail) => page.dispatchEvent(new CustomEvent(name, {detail}));

function fetchSheet(run, step) {
  const key = `${step} ${run}`;
  if (sheets.has(key)) return sheets.get(key);
  const fetched = server.sheet({run, step, kind: "film"}).then(async (found) => {
    if (found.source) {  // decoded before it is shown, so that nothing flickers
      const ready = new Image();
      ready.src = found.source;
      await ready.decode();
    }
    return found;
  }).catch(() => {
    sheets.delete(key);
    return {problem: AWAY};
  });
  sheets.set(key, fetched);
  if (sheets.size > KEPT) sheets.delete(sheets.keys().next().value);
  return fetched;
}

function fetchFrame(index) {
  return Promise.all(film.frames[index].steps.map((step, lane) => fetchSheet(film.runs[lane].run, step)));
}

function fit({figure, stage, image}) {
  const natural = Number(image.getAttribute("width")), room = figure.clientWidth;
  if (!natural || !room) return;
  // One run is enlarged by whole device pixels, so that all its pixels are equally large; two are equally wide.
  const whole = film.runs.length > 1 ? 0 : Math.floor(room * devicePixelRatio / natural);
  stage.style.width = whole >= 1 ? `${natural * whole / devicePixelRatio}px` : "100%";
  image.style.imageRendering = whole >= 1 ? "pixelated" : "auto";
}

function showSheet(lane, sheet, frame) {
  const view = views[lane], {image, cells} = view;
  view.caption.textContent = frame.captions[lane];
  if (!sheet.source) return;
  image.src = sheet.source;
  image.width = sheet.width;
  image.height = sheet.height;
  image.alt = `${cells.children.length} images of ${film.runs[lane].title} at step ${frame.steps[lane].toLocaleString("en")}`;
  image.hidden = false;
  cells.hidden = film.frames.length < 2;
  cells.style.inset = `${100 * GAP / 2 / sheet.height}% ${100 * GAP / 2 / sheet.width}%`;
  fit(view);
}

async function show(index) {
  at = Math.max(0, Math.min(index, film.frames.length - 1));
  slider.value = at;
  const frame = film.frames[at], mine = ++ticket;
  if (!frame) return;
  label.textContent = frame.label;
  slider.setAttribute("aria-valuetext", frame.label);
  tell("film-shown", {index: at});
  const found = await fetchFrame(at);
  if (mine !== ticket) return;  // the slider has moved on
  found.forEach((sheet, lane) => showSheet(lane, sheet, frame));
  problem.textContent = [...new Set(found.map((sheet) => sheet.problem))].filter(Boolean).join(" ");
  for (let next = at + 1; next <= at + AHEAD && next < film.frames.length; next++) fetchFrame(next);
}

function stop() {
  clearTimeout(timer);
  timer = null;
  play.textContent = "Play";
  play.setAttribute("aria-pressed", "false");
}

const pause = () => Math.max(1000 / Number(speed.value), SHORTEST_PLAY / film.frames.length);

async function step() {
  const started = performance.now();
  if (!element.isConnected) return stop();
  const isSeen = element.offsetParent !== null && !document.hidden;
  if (isSeen) await show((at + 1) % film.frames.length);
  if (timer !== null) timer = setTimeout(step, Math.max(0, pause() - (performance.now() - started)));
}

function start() {
  if (at >= film.frames.length - 1) show(0);
  play.textContent = "Pause";
  play.setAttribute("aria-pressed", "true");
  timer = setTimeout(step, pause());
}

async function saveSheets() {
  for (const [lane, number] of film.frames[at].steps.entries()) {
    const {run, title} = film.runs[lane];
    const found = await server.sheet({run, step: number, kind: "exact"}).catch(() => ({problem: AWAY}));
    problem.textContent = found.problem || "";
    if (found.problem) return;
    const link = document.createElement("a");
    link.href = found.source;
    link.download = `${title.replace(/[^\w.-]+/g, "-")}-step-${String(number).padStart(8, "0")}.png`;
    link.click();
  }
}

function tellCell() {
  if (!chosen) return tell("film-cell", null);
  const {run, title, cells} = film.runs[chosen.lane], frames = new Map();
  film.frames.forEach(({steps, at: place}, index) => {
    const step = steps[chosen.lane];
    if (!frames.has(step)) frames.set(step, {step, index, at: place});
  });
  tell("film-cell", {run, title, cell: chosen.cell, name: cells[chosen.cell], frames: [...frames.values()]});
  tell("film-shown", {index: at});
}

function choose(lane, cell) {
  chosen = lane === null ? null : {lane, cell};
  views.forEach(({cells}, place) => [...cells.children].forEach((button, number) => {
    button.setAttribute("aria-pressed", String(place === lane && number === cell));
  }));
  tellCell();
}

function moveFocus(event) {
  const all = [...event.currentTarget.children], here = all.indexOf(document.activeElement);
  const steps = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE, Home: -here, End: all.length - 1 - here};
  const next = all[here + steps[event.key]];
  if (!next) return;
  event.preventDefault();
  all[here].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function addCells(stage, lane, {title, cells: names}) {
  const cells = document.createElement("div");
  cells.className = "cells";
  cells.hidden = true;
  cells.setAttribute("role", "group");
  cells.setAttribute("aria-label", `Images of ${title}. Arrow keys move, Enter shows one through all steps.`);
  cells.addEventListener("keydown", moveFocus);
  cells.style.gridTemplate = `repeat(${names.length / SIDE}, 1fr) / repeat(${SIDE}, 1fr)`;
  names.forEach((name, cell) => {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = cell ? -1 : 0;
    button.title = `${name} through all steps`;
    button.setAttribute("aria-label", button.title);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => choose(lane, cell));
    cells.append(button);
  });
  stage.append(cells);
  return cells;
}

function addLane(run, lane) {
  const figure = document.createElement("figure"), words = document.createElement("figcaption");
  const name = document.createElement("strong"), caption = document.createElement("span");
  const stage = document.createElement("div"), image = document.createElement("img");
  name.textContent = run.title;
  words.append(name, caption);
  words.hidden = film.runs.length < 2;
  stage.className = "stage";
  image.hidden = true;
  stage.append(image);
  figure.append(words, stage);
  lanes.append(figure);
  views.push({figure, stage, image, caption, cells: addCells(stage, lane, run)});
}

function startOver() {
  stop();
  [sheets, views, chosen] = [new Map(), [], null];
  lanes.replaceChildren();
  lanes.classList.toggle("two", film.runs.length > 1);
  film.runs.forEach(addLane);
}

function take() {
  const before = film, last = before.frames.length - 1;
  film = props.value || NO_FILM;
  const isNew = film.id !== before.id, many = film.frames.length;
  if (isNew) startOver();
  slider.max = Math.max(many - 1, 0);
  slider.disabled = play.disabled = many < 2;
  save.disabled = many < 1;
  hint.hidden = many < 2;
  problem.textContent = film.problem;
  if (isNew || chosen) tellCell();
  if (!many) {
    label.textContent = film.problem ? "" : "No sample sheet yet: the first one comes before the first step.";
    return;
  }
  // Of a run that goes on the newest sheet is shown, unless someone looks back or plays.
  if (isNew || (at >= last && timer === null)) show(many - 1);
  else show(Math.max(0, film.frames.findIndex((frame) => frame.label === before.frames[at]?.label)));
}

play.addEventListener("click", () => timer === null ? start() : stop());
slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
save.addEventListener("click", saveSheets);
page.addEventListener("film-go", ({detail}) => { stop(); show(detail.index); });
page.addEventListener("film-close", () => {
  const {lane, cell} = chosen;
  choose(null);
  views[lane].cells.children[cell].focus({preventScroll: true});
});
new ResizeObserver(() => views.forEach(fit)).observe(lanes);
watch("value", take);
take();
