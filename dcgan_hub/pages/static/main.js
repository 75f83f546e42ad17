// The page: opens the model, lays out the parts, and keeps the address up to date.

const FIRST_SHEET = "0-15", LEAST_TRUNCATION = 0.1, MOST_TRUNCATION = 2;

// What is known of the model, as one line.
function summarize({network, training, dataset}) {
  const kind = {1: "gray", 3: "color", 4: "color and transparency"}[network.channels];
  const parts = [`${network.image_size[1]} × ${network.image_size[0]} pixels, ${kind}`];
  if (network.seamless) parts.push("seamless tiles");
  if (network.palette_size) parts.push(`palette of ${network.palette_size} colors`);
  if (network.classes) parts.push(`${grouped(network.classes)} classes`);
  parts.push(`${grouped(networkCosts(network).parameters)} parameters`);
  if (Number.isInteger(training.step)) parts.push(`${grouped(training.step)} steps of training`);
  if (typeof dataset?.name === "string") parts.push(`on ${shorten(dataset.name.replace(/^.*[\\/](?=.)/, ""))}`);
  return parts.join(" · ");
}

// What the address says behind #: {seeds, truncation, class, image, walk}, all of them text or null.
function readAddress() {
  const values = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(["seeds", "truncation", "class", "image", "walk"].map((name) => [name, values.get(name)]));
}

function startPage({name, facts, content, planes, directions}) {
  document.title = name;
  find("h1").textContent = name;
  find("#summary").textContent = summarize(facts);
  const painter = makePainter({facts, content, planes}, directions, (problem) => say(problem, true));
  let opened = {hash: location.hash, seeds: null};  // what the address says, as far as it was read or written

  function address(image) {
    const {text, truncation, chosen} = sheet.state, values = new URLSearchParams({seeds: text});
    if (truncation !== 1) values.set("truncation", String(truncation));
    if (chosen !== null) values.set("class", painter.classNames[chosen]);
    if (image) values.set("image", image);
    if (walk.points().length) values.set("walk", walk.points().map(({text: point}) => point).join(","));
    return `#${values}`;
  }
  function changed() {
    if (isOpening) return;
    const hash = address(detail.shown()?.text), seeds = sheet.state.text;
    if (hash === opened.hash) return;
    history[seeds === opened.seeds ? "replaceState" : "pushState"](null, "", hash);  // Back returns to another sheet
    opened = {hash, seeds};
  }
  // A link where the page has an address that others can open, else a name that says which image of which weights.
  function linkTo(image) {
    if (location.protocol.startsWith("http")) return location.href.split("#")[0] + address(image);
    const {truncation, chosen} = sheet.state, truncated = truncation === 1 ? "" : `, truncation ${truncation}`;
    const ofClass = chosen === null ? "" : `, class ${painter.classNames[chosen]}`;
    return `${name}: image ${image}${truncated}${ofClass} (weights ${facts.weights.sha256.slice(0, 12)})`;
  }
  // The text in a saved file: of a sheet or walk with the class that was chosen, of one point with its class.
  const textOf = (text, look, point) => ({
    seed: text, truncation: String(look.truncation), ...classText(look, point), model: name,
    weights: `sha256:${facts.weights.sha256}`, Software: "dcgan-hub",
  });
  function classText(look, point) {
    const className = point ? painter.classNameOf(point, look) : painter.classNames[look.chosen];
    return className ? {class: className} : {};
  }

  let isOpening = true;
  const walk = makeWalk(painter, {look: () => sheet.state, textOf, changed});
  const sheet = makeSheet(painter, {show: (point) => detail.show(point), changed});
  const detail = makeDetail(painter, {sheet: () => sheet, walk: () => walk, textOf, linkTo, changed});

  function openAddress() {
    const {seeds, truncation, class: className, image, walk: kept} = readAddress(), factor = Number(truncation ?? 1);
    const isUsable = factor >= LEAST_TRUNCATION && factor <= MOST_TRUNCATION;
    const number = painter.classNames.indexOf(className), chosen = number < 0 ? null : number;
    isOpening = true;
    detail.close();
    sheet.open(seeds ?? FIRST_SHEET, {truncation: isUsable ? factor : 1, chosen});
    try {
      walk.set(kept ? parsePoints(kept, MOST_KEPT) : []);
      if (image) detail.show(parsePoint(image));
    } catch (error) {
      say(describe(error), true);
    }
    opened = {hash: location.hash, seeds: sheet.state.text};
    isOpening = false;
  }

  for (const id of ["#truncation", "#class"]) find(id).addEventListener("change", () => walk.redraw());
  find("#sharp").addEventListener("change", (event) => document.body.classList.toggle("sharp", event.target.checked));
  find("#save-sheet").addEventListener("click", async () => {
    try {
      const state = {...sheet.state};
      download(await encodePng([await sheet.save()], textOf(state.text, state)), `${fileName(name)}-sheet.png`);
    } catch (error) {
      say(describe(error), true);
    }
  });
  find("#copy-sheet").addEventListener("click", () => copy(linkTo(sheet.state.text)));
  addEventListener("hashchange", () => { if (location.hash !== opened.hash) openAddress(); });
  addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input:not([type=range]):not([type=checkbox]), textarea, select");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || find("#detail").open) return;
    if (event.key === "r") sheet.surprise();
    else if (event.key === "p") walk.toggle();
    else return;
    event.preventDefault();
  });
  const copied = location.protocol.startsWith("http") ? "Copy link" : "Copy name";
  for (const button of [find("#copy-sheet"), find("[data-action=copy]")]) button.textContent = copied;
  find("main").hidden = false;
  openAddress();
}

// Opens the model by `openModel`, a function of what the page knows about it, and starts.
async function start(openModel) {
  try {
    if (!("DecompressionStream" in window && "CompressionStream" in window)) {
      throw new Refusal("This browser is too old for this page. Use one of 2023 or newer.");
    }
    startPage(await openModel(JSON.parse(find("#page").textContent)));
  } catch (error) {
    say(describe(error), true);
  }
}
