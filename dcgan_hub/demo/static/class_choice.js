// The classes of a generator as a list of one tab stop, in which arrow keys move, with a picture of each that is asked for
// when it is seen. Value: {model, names, most}; `chosen`: a name, or "" for the class that a seed draws. Events: choose,
// with {name}; rows, with {classes}, the numbers of at most `most` listed ones.
const find = (selector) => element.querySelector(selector);
const filter = find(".filter"), list = find(".options"), found = find(".found"), rows = find(".by-class");
const MANY = 12, PICTURES_AT_ONCE = 32;  // classes from which on one can search for names
let names = [], options = [], model = "", chosen = props.chosen || "", ticket = 0, isAsking = false;
let waiting = new Set();  // numbers of classes that are seen and have no picture yet

const listed = () => options.filter((option) => !option.hidden);
const numberOf = (option) => Number(option.dataset.number);
const isChosen = (option) => option.dataset.name === chosen;

function mark() {
  const all = listed(), stop = all.find(isChosen) || all[0];
  for (const option of options) {
    option.setAttribute("aria-selected", String(isChosen(option)));
    option.tabIndex = option === stop ? 0 : -1;
  }
}

function addOption(name, number) {
  const option = document.createElement("div"), picture = document.createElement("span");
  const label = document.createElement("span"), isAny = number < 0;
  option.setAttribute("role", "option");
  Object.assign(option.dataset, {name, number});
  option.title = isAny ? "The class that a seed draws" : name;
  picture.className = isAny ? "small any" : "small";
  picture.setAttribute("aria-hidden", "true");
  label.className = "label";
  label.textContent = isAny ? "any" : name;
  option.append(picture, label);
  list.append(option);
  return option;
}

const sight = new IntersectionObserver((entries) => {
  for (const {target, isIntersecting} of entries) {
    if (isIntersecting) waiting.add(numberOf(target));
    else waiting.delete(numberOf(target));  // whoever scrolls on does not wait for what is past
  }
  askForPictures();
}, {root: list, rootMargin: "120px"});

async function askForPictures() {
  if (isAsking || !waiting.size) return;
  isAsking = true;
  const mine = ticket, classes = [...waiting].slice(0, PICTURES_AT_ONCE);
  const answer = await server.pictures({model, classes, ticket}).catch(() => ({ticket}));
  isAsking = false;
  if (mine === ticket) {
    classes.forEach((number, place) => {
      const option = options[number + 1];
      waiting.delete(number);
      sight.unobserve(option);
      if (answer.address) showPicture(option.firstChild, answer.address, place, classes.length);
    });
  }
  askForPictures();
}

function showPicture(picture, address, place, count) {
  picture.style.backgroundImage = `url("${address}")`;
  picture.style.backgroundSize = `${100 * count}% 100%`;
  picture.style.backgroundPosition = `${count > 1 ? (100 * place) / (count - 1) : 0}% 0`;
  picture.dataset.drawn = "";
}

function narrow() {
  const wanted = filter.value.trim().toLowerCase(), {most} = props.value;
  for (const option of options) {
    const isNamed = option.dataset.name.toLowerCase().includes(wanted) || option.dataset.number === wanted;
    option.hidden = Boolean(wanted) && !(isNamed && numberOf(option) >= 0);
  }
  const count = listed().filter((option) => numberOf(option) >= 0).length;
  if (wanted) found.textContent = count ? `${count} of ${names.length}` : `No class is called ${filter.value.trim()}.`;
  else found.textContent = "";
  rows.disabled = !count;
  const isAll = count === names.length ? "A row for each class" : "A row for each of these";
  rows.textContent = count > most ? `A row for each of the first ${most}` : isAll;
  list.scrollTop = 0;
  mark();
}

function choose(option) {
  if (!option) return;
  chosen = option.dataset.name;
  mark();
  trigger("choose", {name: chosen});
}

list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  choose(option);
  option?.focus({preventScroll: true});
});
list.addEventListener("keydown", (event) => {
  const all = listed(), here = all.indexOf(event.target.closest("[role=option]"));
  if (here < 0) return;
  const columns = all.filter((option) => option.offsetTop === all[0].offsetTop).length;
  const steps = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns};
  const places = {Home: 0, End: all.length - 1, Enter: here, " ": here};
  if (!(event.key in steps || event.key in places)) return;
  event.preventDefault();
  event.stopPropagation();  // Space elsewhere draws other images
  if (["Enter", " "].includes(event.key)) return choose(all[here]);
  const next = all[places[event.key] ?? here + steps[event.key]];
  next?.focus({preventScroll: true});
  next?.scrollIntoView({block: "nearest"});
});
filter.addEventListener("input", narrow);
filter.addEventListener("keydown", (event) => {
  const all = listed();
  if (event.key === "ArrowDown") all[0]?.focus();
  else if (event.key === "Enter") choose(all.find((option) => numberOf(option) >= 0));
  else return;
  event.preventDefault();
});
rows.addEventListener("click", () => {
  const numbers = listed().map(numberOf).filter((number) => number >= 0);
  trigger("rows", {classes: numbers.slice(0, props.value.most)});
});

function load() {
  const value = props.value || {model: "", names: []};
  ticket++;
  sight.disconnect();
  waiting = new Set();
  [names, model] = [value.names, value.model];
  list.replaceChildren();
  filter.value = "";
  filter.hidden = names.length <= MANY;
  options = names.length ? [addOption("", -1), ...names.map(addOption)] : [];
  if (options.length) narrow();
  for (const option of options.slice(1)) sight.observe(option);
}

watch("value", load);
watch("chosen", () => {
  chosen = props.chosen || "";
  mark();
});
load();
