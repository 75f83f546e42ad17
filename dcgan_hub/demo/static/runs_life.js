// One image of a run's sample sheets from the first step to the last, as a strip. gr.HTML gives: element, server.
// Heard from the film: film-cell, {run, title, cell, name, frames: [{step, index, at}]} or null; film-shown, {index}.
// Told to the film: film-go, {index}. Told to the plots: plot-cursor, {at}, null for none.
const find = (selector) => element.querySelector(selector);
const box = find(".run-life"), words = find(".words"), problem = find(".problem"), crops = find(".crops");
const page = element.closest("#run-detail");
const MOST = 48;  // images of a strip
const AWAY = "The server did not answer. Try again.";
let items = [], shown = 0, pointed = null, ticket = 0;

const tell = (name, detail) => page.dispatchEvent(new CustomEvent(name, {detail}));
const tellPlots = () => {
  const at = box.hidden ? null : (pointed ?? items[current()])?.at ?? null;
  tell("plot-cursor", {at});
};

function current() {  // the image of the sheet in the film
  return items.findLastIndex((item) => item.index <= shown);
}

function evenly(all) {
  if (all.length <= MOST) return all;
  return Array.from({length: MOST}, (_, place) => all[Math.round(place * (all.length - 1) / (MOST - 1))]);
}

function mark() {
  if (box.hidden) return;
  const here = current();
  [...crops.children].forEach((crop, place) => {
    if (place === here) crop.setAttribute("aria-current", "step");
    else crop.removeAttribute("aria-current");
  });
  tellPlots();
}

function point(item) {
  pointed = item;
  tellPlots();
}

function addCrop(item, place) {
  const crop = document.createElement("button"), image = document.createElement("i");
  const step = item.step.toLocaleString("en");
  crop.type = "button";
  crop.className = "crop";
  crop.tabIndex = place === Math.max(0, current()) ? 0 : -1;
  crop.setAttribute("aria-label", `Step ${step}`);
  image.style.backgroundPositionX = `${items.length > 1 ? 100 * place / (items.length - 1) : 0}%`;
  crop.append(image, step);
  crop.addEventListener("click", () => tell("film-go", {index: item.index}));
  for (const event of ["pointerenter", "focus"]) crop.addEventListener(event, () => point(item));
  for (const event of ["pointerleave", "blur"]) crop.addEventListener(event, () => point(null));
  crops.append(crop);
}

function fill(strip) {
  const focused = [...crops.children].indexOf(document.activeElement);
  crops.style.setProperty("--strip", `url("${strip.source}")`);
  crops.style.setProperty("--strip-width", `${100 * items.length}%`);
  crops.style.setProperty("--crop-ratio", `${strip.width / items.length} / ${strip.height}`);
  crops.replaceChildren();
  items.forEach(addCrop);
  crops.children[Math.min(focused, items.length - 1)]?.focus({preventScroll: true});
  mark();
}

async function open(chosen) {
  const mine = ++ticket, frames = evenly(chosen.frames), name = `${chosen.name} of ${chosen.title}`;
  if (words.dataset.name !== name) {  // of a run that goes on the strip stays until the longer one is there
    [items, pointed] = [[], null];
    crops.replaceChildren();
    words.textContent = `${name} …`;
  }
  words.dataset.name = name;
  problem.textContent = "";
  box.hidden = false;
  const asked = {run: chosen.run, cell: chosen.cell, steps: frames.map((frame) => frame.step)};
  const strip = await server.life(asked).catch(() => ({problem: AWAY}));
  if (mine !== ticket) return;  // another image was chosen meanwhile
  problem.textContent = strip.problem || "";
  if (strip.problem) return;
  items = frames.filter((frame) => strip.steps.includes(frame.step));  // without those whose sheet is damaged
  const [from, to] = [items[0], items.at(-1)].map((item) => item.step.toLocaleString("en"));
  words.textContent = `${name} from step ${from} to ${to}`;
  fill(strip);
}

function close() {
  ticket += 1;
  box.hidden = true;
  delete words.dataset.name;
  tellPlots();
}

page.addEventListener("film-cell", ({detail}) => detail ? open(detail) : close());
page.addEventListener("film-shown", ({detail}) => { shown = detail.index; mark(); });
crops.addEventListener("keydown", (event) => {
  const all = [...crops.children], here = all.indexOf(document.activeElement);
  const steps = {ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: all.length - 1};
  const next = all[steps[event.key]];
  if (!next) return;
  event.preventDefault();
  all[here].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
find(".close").addEventListener("click", () => tell("film-close"));
