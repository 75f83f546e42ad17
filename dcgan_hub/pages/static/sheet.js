// The sheet: a grid of images. An image is a button with its canvas and its name.

const MOST_IMAGES = 144, SURPRISES = 16, NEIGHBORS = 15, NEAR = 0.35;

// What tells images of a sheet apart: of a variation, where it leads to; then the class, if there are any.
function captionOf({text}, className) {
  const [, target] = /~(\d+)@[\d.]+$/.exec(text) ?? [], name = target === undefined ? text : `toward ${target}`;
  return className ? `${name} · ${className}` : name;
}

// `show` is called with the chosen point. The state is {text, truncation, chosen, points}; the text is a list of points,
// and the rest a look, see makePainter.
function makeSheet(painter, {show, changed}) {
  const grid = find("#sheet"), field = find("#seeds"), slider = find("#truncation"), choice = find("#class");
  const state = {text: "", truncation: 1, chosen: null, points: []};

  function cell(point) {
    const canvas = make("canvas", {width: painter.width, height: painter.height});
    const className = painter.classNameOf(point, state);
    const caption = make("span", {className: "caption"}, captionOf(point, className));
    const button = make("button", {type: "button", className: "picture", title: point.text}, canvas, caption);
    button.setAttribute("aria-label", `Image ${point.text}${className && `, ${className}`}`);
    button.dataset.point = point.text;
    button.addEventListener("click", () => show(point));
    return button;
  }

  async function fill(button, point) {
    const {truncation, chosen} = state;
    try {
      const image = await painter.draw(point, {truncation, chosen}, "sheet");
      if (truncation !== state.truncation || chosen !== state.chosen) return;
      paint(button.querySelector("canvas"), image);
      button.dataset.drawn = point.text;
    } catch (error) {
      say(describe(error), true);
    }
  }

  function redraw() {
    painter.giveUp("sheet");
    [...grid.children].forEach((button, index) => fill(button, state.points[index]));
  }

  // Shows a list of points; one that cannot be read changes nothing.
  function open(text, {truncation, chosen} = state) {
    let points;
    try {
      points = parsePoints(text, MOST_IMAGES);
    } catch (error) {
      field.setAttribute("aria-invalid", "true");
      return say(describe(error), true);
    }
    Object.assign(state, {text, truncation, chosen, points});
    field.removeAttribute("aria-invalid");
    field.value = text;
    slider.value = String(truncation);
    choice.value = chosen === null ? "" : String(chosen);
    find("#truncation-value").textContent = truncation.toFixed(2);
    grid.classList.toggle("few", points.length <= 4);
    grid.replaceChildren(...points.map(cell));
    say("");
    redraw();
    changed();
  }

  function surprise() {
    const [random] = crypto.getRandomValues(new Uint32Array(1)), first = Math.min(random, MAX_SEED - SURPRISES);
    open(`${first}-${first + SURPRISES - 1}`);
  }

  // The point and, around it, points some way towards other seeds.
  function vary(point) {
    const [random] = crypto.getRandomValues(new Uint16Array(1));
    const around = range(NEIGHBORS).map((index) => towards(point, seedPoint(random + index), NEAR));
    open([point, ...around].map(({text}) => text).join(", "));
  }

  // Arrow keys move between images, as the eye does.
  grid.addEventListener("keydown", (event) => {
    const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns}[event.key];
    const cells = [...grid.children], target = cells[cells.indexOf(document.activeElement) + step];
    if (!target) return;
    event.preventDefault();
    target.focus();
  });
  find("#request").addEventListener("submit", (event) => {
    event.preventDefault();
    open(field.value);
  });
  find("#surprise").addEventListener("click", surprise);
  choice.append(...painter.classNames.map((name, number) => make("option", {value: number}, name)));
  find("#classes").hidden = !painter.classNames.length;
  choice.addEventListener("change", () => {
    open(state.text, {truncation: state.truncation, chosen: choice.value === "" ? null : Number(choice.value)});
  });
  slider.addEventListener("input", () => {
    state.truncation = Number(slider.value);
    find("#truncation-value").textContent = state.truncation.toFixed(2);
    redraw();
    changed();
  });

  async function save() {
    const images = await Promise.all(state.points.map((point) => painter.draw(point, state, "save")));
    return joinImages(images, Math.ceil(Math.sqrt(images.length)));
  }

  return {open, surprise, vary, save, state};
}

// Images side by side as one, row by row; what is left of the last row is white, or transparent.
function joinImages(images, columns) {
  const {height, width, channels} = images[0], rows = Math.ceil(images.length / columns);
  const line = columns * width * channels;
  const bytes = new Uint8ClampedArray(rows * height * line).fill(channels === 4 ? 0 : 255);
  images.forEach((image, index) => {
    const corner = Math.floor(index / columns) * height * line + (index % columns) * width * channels;
    for (let y = 0; y < height; y++) {
      bytes.set(image.bytes.subarray(y * width * channels, (y + 1) * width * channels), corner + y * line);
    }
  });
  return {height: rows * height, width: columns * width, channels, bytes};
}
