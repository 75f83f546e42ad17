// One image, enlarged over the page: its name, variations, files.

const LARGE_PIXELS = 512;

function makeDetail(painter, {sheet, walk, textOf, linkTo, changed}) {
  const dialog = find("#detail"), canvas = find("#detail canvas"), name = find("#detail-name");
  let shown = null;

  async function show(point) {
    shown = point;
    name.textContent = point.text;
    canvas.setAttribute("aria-label", `Image ${point.text}`);
    if (!dialog.open) dialog.showModal();
    say("");
    changed();
    try {
      const image = await painter.draw(point, sheet().state.truncation, "detail");
      if (shown !== point) return;
      paint(canvas, image);
      canvas.dataset.drawn = point.text;
    } catch (error) {
      say(describe(error), true);
    }
  }

  function step(distance) {
    const {points} = sheet().state, index = points.findIndex(({text}) => text === shown.text);
    if (index >= 0 && points[index + distance]) show(points[index + distance]);
  }

  async function save(isLarge) {
    const {truncation} = sheet().state, image = await painter.draw(shown, truncation, "save");
    const factor = isLarge ? Math.max(1, Math.ceil(LARGE_PIXELS / Math.max(image.height, image.width))) : 1;
    const blob = await encodePng([enlarge(image, factor)], textOf(shown.text, truncation));
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
  for (const button of dialog.querySelectorAll("[data-action]")) {
    button.addEventListener("click", actions[button.dataset.action]);
  }
  dialog.addEventListener("close", () => {
    if (!dialog.open) { shown = null; changed(); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  return {show, shown: () => shown, close: () => dialog.close()};
}
