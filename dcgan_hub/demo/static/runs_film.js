// Sample sheets as a film: one run, or two side by side. gr.HTML gives: element, props, server, watch.
// Sheets are asked for one by one, some ahead of the one shown, and kept, so that a second showing asks for nothing.
const find = (selector) => element.querySelector(selector);
const lanes = find(".lanes"), label = find(".label"), problem = find(".problem");
const slider = find("input"), play = find(".play"), speed = find("select"), save = find(".save");
const AHEAD = 6, KEPT = 300;  // sheets
const AWAY = "The server did not answer. Try again.";
const NO_FILM = {id: "", runs: [], frames: [], problem: ""};
let film = NO_FILM, sheets = new Map(), images = [], captions = [], at = 0, ticket = 0, timer = null;

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

function fit(image) {
  const natural = Number(image.getAttribute("width")), room = image.parentElement.clientWidth;
  if (!natural || !room) return;
  // One run is enlarged by whole device pixels, so that all its pixels are equally large; two are equally wide.
  const whole = film.runs.length > 1 ? 0 : Math.floor(room * devicePixelRatio / natural);
  image.style.width = whole >= 1 ? `${natural * whole / devicePixelRatio}px` : "100%";
  image.style.imageRendering = whole >= 1 ? "pixelated" : "auto";
}

function showSheet(lane, sheet, frame) {
  captions[lane].textContent = frame.captions[lane];
  if (!sheet.source) return;
  const image = images[lane];
  image.src = sheet.source;
  image.width = sheet.width;
  image.height = sheet.height;
  image.alt = `64 images of ${film.runs[lane].title} at step ${frame.steps[lane].toLocaleString("en")}`;
  image.hidden = false;
  fit(image);
}

async function show(index) {
  at = Math.max(0, Math.min(index, film.frames.length - 1));
  slider.value = at;
  const frame = film.frames[at], mine = ++ticket;
  if (!frame) return;
  label.textContent = frame.label;
  slider.setAttribute("aria-valuetext", frame.label);
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

async function step() {
  const started = performance.now();
  if (at >= film.frames.length - 1 || !element.isConnected) return stop();
  await show(at + 1);
  const passed = performance.now() - started;
  if (timer !== null) timer = setTimeout(step, Math.max(0, 1000 / Number(speed.value) - passed));
}

function start() {
  if (at >= film.frames.length - 1) show(0);
  play.textContent = "Pause";
  play.setAttribute("aria-pressed", "true");
  timer = setTimeout(step, 1000 / Number(speed.value));
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

function addLane(run, several) {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  const name = document.createElement("strong"), where = document.createElement("span");
  const image = document.createElement("img");
  name.textContent = run.title;
  caption.append(name, where);
  caption.hidden = !several;
  image.hidden = true;
  figure.append(caption, image);
  lanes.append(figure);
  images.push(image);
  captions.push(where);
}

function startOver() {
  stop();
  [sheets, images, captions] = [new Map(), [], []];
  lanes.replaceChildren();
  lanes.classList.toggle("two", film.runs.length > 1);
  film.runs.forEach((run) => addLane(run, film.runs.length > 1));
}

function take() {
  const before = film, last = before.frames.length - 1;
  film = props.value || NO_FILM;
  const isNew = film.id !== before.id, many = film.frames.length;
  if (isNew) startOver();
  slider.max = Math.max(many - 1, 0);
  slider.disabled = play.disabled = many < 2;
  save.disabled = many < 1;
  problem.textContent = film.problem;
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
new ResizeObserver(() => images.forEach(fit)).observe(lanes);
watch("value", take);
take();
