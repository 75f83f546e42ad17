// One image, enlarged over the page: its name, variations, directions, files.

const LARGE_PIXELS = 512, MOST_SHOWN = 10;  // directions; later ones change little
const TILES = 3;  // in a row and in a column, where an image is repeated

function makeDetail(painter, {sheet, walk, textOf, linkTo, changed}) {
  const dialog = find("#detail"), canvas = find("#detail canvas"), name = find("#detail-name");
  const choice = find("#direction"), slider = find("#amount"), tile = find("#tile input");
  let shown = null;

  async function show(point) {
    shown = point;
    const className = painter.classNameOf(point, sheet().state);
    name.textContent = className ? `${point.text} · ${className}` : point.text;
    canvas.setAttribute("aria-label", `Image ${point.text}`);
    if (!dialog.open) dialog.showModal();
    say("");
    placeSlider();
    changed();
    try {
      if (point.shifts) painter.giveUp("moved");  // those that the slider has passed
      const image = await painter.draw(point, sheet().state, point.shifts ? "moved" : "detail");
      if (shown !== point) return;
      paint(canvas, tile.checked ? joinImages(Array(TILES ** 2).fill(image), TILES) : image);
      canvas.dataset.drawn = point.text;
    } catch (error) {
      say(describe(error), true);
    }
  }

  // The slider stands where the shown point is.
  function placeSlider() {
    const [, amount] = (shown.shifts ?? []).find(([direction]) => direction === Number(choice.value)) ?? [0, 0];
    slider.value = String(amount);
  }

  function move() {
    const chosen = Number(choice.value), others = (shown.shifts ?? []).filter(([direction]) => direction !== chosen);
    const shifts = [...others, [chosen, Number(slider.value)]].filter(([, amount]) => amount !== 0);
    const start = shown.shifts ? shown.start : shown;
    show(shifts.length ? shiftedPoint(start, shifts.sort((a, b) => a[0] - b[0])) : start);
  }

  function step(distance) {
    const {points} = sheet().state, index = points.findIndex(({text}) => text === shown.text);
    if (index >= 0 && points[index + distance]) show(points[index + distance]);
  }

  async function save(isLarge) {
    const look = {...sheet().state}, image = await painter.draw(shown, look, "save");
    const factor = isLarge ? Math.max(1, Math.ceil(LARGE_PIXELS / Math.max(image.height, image.width))) : 1;
    const blob = await encodePng([enlarge(image, factor)], textOf(shown.text, look, shown));
    download(blob, `${fileName(shown.text)}.png`);
  }

  const actions = {
    vary: () => { dialog.close(); sheet().vary(shown); },
    keep: () => walk().keep(shown),
    save: () => save(false),
    large: () => save(true),
    copy: () => copy(linkTo(shown.text)),
    close: () => dialog.close(),
  };
  const {vary: v, keep: k, save: s} = actions, keys = {v, k, s, ArrowRight: () => step(1), ArrowLeft: () => step(-1)};
  const shownDirections = range(Math.min(MOST_SHOWN, painter.directions.length));
  choice.append(...shownDirections.map((index) => make("option", {value: index + 1}, `Direction ${index + 1}`)));
  find("#directions").hidden = !shownDirections.length;
  find("#tile").hidden = !painter.isSeamless;
  tile.addEventListener("change", () => show(shown));
  choice.addEventListener("change", placeSlider);
  slider.addEventListener("input", move);
  for (const button of dialog.querySelectorAll("[data-action]")) {
    button.addEventListener("click", actions[button.dataset.action]);
  }
  dialog.addEventListener("close", () => {
    if (!dialog.open) { shown = null; changed(); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  return {show, shown: () => shown, close: () => dialog.close()};
}
