// Curves of one run, or of two laid over each other, as SVG. gr.HTML gives: element, props, watch.
// All plots share the stretch that is shown: drag over one to zoom, double-click for all; or buttons, or keys.
// Heard from the strip of one image: plot-cursor, {at}: where the cursor is while no pointer is over a plot, or null.
const grid = element.querySelector(".plot-grid"), tools = element.querySelector(".plot-tools");
const HEIGHT = 200, LEFT = 48, RIGHT = 12, TOP = 10, BOTTOM = 26;  // pixels
const BESIDE = -9;  // where a cursor is out of sight
const NARROWEST = 240, SHORTEST_DRAG = 8;
const DEEPEST = 500;  // times that can be zoomed in
const MOST_DOTS = 30;  // points of a curve that are marked each
const KEYS = {"+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", "0": "all", Escape: "all"};
let width = 460;  // of a plot in pixels, so that texts are as large as elsewhere
let data = {axis: "step", plots: []}, whole = [0, 1], shown = [0, 1], known = "", told = null;

const svg = (tag, attributes, parent) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (parent) parent.append(node);
  return node;
};
const html = (tag, kind, words, parent) => {
  const node = document.createElement(tag);
  node.className = kind;
  node.textContent = words;
  parent.append(node);
  return node;
};

function short(value) {
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  return Math.abs(value) >= 1e4 ? `${+(value / 1e3).toPrecision(3)}k` : `${+value.toPrecision(4)}`;
}
function time(seconds) {
  if (seconds < 120) return `${+seconds.toPrecision(3)} s`;
  return seconds < 7200 ? `${+(seconds / 60).toPrecision(3)} min` : `${+(seconds / 3600).toPrecision(3)} h`;
}
const isSteps = () => data.axis === "step";
const nearest = (items, value, place) => items.reduce(
  (best, item) => Math.abs(place(item) - value) < Math.abs(place(best) - value) ? item : best
);

function ticks(low, high, wanted) {
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const distance = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) || rough;
  const first = Math.ceil(low / distance), count = Math.floor(high / distance + 1e-6) - first + 1;
  return Array.from({length: Math.max(0, Math.min(count, 20))}, (_, index) => (first + index) * distance);
}

function limits(plot) {
  if (plot.limits) return plot.limits;
  const inside = plot.curves.flatMap((curve) => curve.points.filter(([at]) => at >= shown[0] && at <= shown[1]));
  if (!inside.length) return [0, 1];
  const values = inside.map(([, value]) => value), low = Math.min(...values), high = Math.max(...values);
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

function zoom(low, high) {
  const extent = whole[1] - whole[0], part = Math.min(extent, Math.max(high - low, extent / DEEPEST));
  const start = Math.max(whole[0], Math.min(low, whole[1] - part));
  shown = [start, start + part];
  draw();
}

function change(action) {
  const [low, high] = shown, part = (high - low) / 4;
  if (action === "in") zoom(low + part, high - part);
  if (action === "out") zoom(low - 2 * part, high + 2 * part);
  if (action === "left") zoom(low - part, high - part);
  if (action === "right") zoom(low + part, high + part);
  if (action === "all") zoom(...whole);
}

function drawAxes(canvas, x, y, low, high) {
  for (const tick of ticks(low, high, 4)) {
    svg("line", {class: "rule", x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick)}, canvas);
    const text = svg("text", {class: "tick", x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end"}, canvas);
    text.textContent = short(tick);
  }
  for (const tick of ticks(...shown, 5)) {
    const text = svg("text", {class: "tick", x: x(tick), y: HEIGHT - 8, "text-anchor": "middle"}, canvas);
    text.textContent = isSteps() ? short(tick) : time(tick);
  }
}

function drawCurve(curve, canvas, x, y) {
  const kind = `curve colour-${curve.colour} run-${curve.run}`;
  const from = Math.max(0, curve.points.findIndex(([at]) => at >= shown[0]) - 1);
  const until = curve.points.findIndex(([at]) => at > shown[1]);
  const points = curve.points.slice(from, until < 0 ? undefined : until + 1);
  const places = points.map(([at, value]) => [x(at).toFixed(1), y(value).toFixed(1)]);
  svg("polyline", {class: kind, points: places.map((place) => place.join(",")).join(" ")}, canvas);
  if (places.length <= MOST_DOTS) for (const [cx, cy] of places) svg("circle", {class: kind, cx, cy, r: 2.2}, canvas);
}

function drawPlot(plot, figure) {
  const canvas = figure.querySelector("svg"), [low, high] = limits(plot);
  const inner = width - LEFT - RIGHT, foot = HEIGHT - BOTTOM;
  const x = (value) => LEFT + (value - shown[0]) / (shown[1] - shown[0] || 1) * inner;
  const y = (value) => foot - (value - low) / (high - low || 1) * (foot - TOP);
  canvas.replaceChildren();
  canvas.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  drawAxes(canvas, x, y, low, high);
  const box = {x: LEFT, y: 0, width: inner, height: foot + 2, viewBox: `${LEFT} 0 ${inner} ${foot + 2}`};
  const inside = svg("svg", box, canvas);  // which cuts off what is beside it
  for (const curve of plot.curves) drawCurve(curve, inside, x, y);
  figure.cursor = svg("line", {class: "cursor", y1: TOP, y2: foot, x1: BESIDE, x2: BESIDE}, canvas);
  figure.stretch = svg("rect", {class: "stretch", y: TOP, height: foot - TOP, x: BESIDE, width: 0}, canvas);
  figure.toPlace = x;
  figure.toData = (event) => {
    const frame = canvas.getBoundingClientRect(), at = (event.clientX - frame.left) / frame.width * width;
    const inPlot = Math.max(LEFT, Math.min(at, width - RIGHT));
    return [at, shown[0] + (inPlot - LEFT) / inner * (shown[1] - shown[0])];
  };
}

function moveCursor(figure, place) {
  for (const end of ["x1", "x2"]) figure.cursor.setAttribute(end, place);
}

function read(plot, figure, value) {
  const near = plot.curves.map((curve) => [curve, nearest(curve.points, value, (point) => point[0])]);
  const at = nearest(near, value, ([, point]) => point[0])[1][0];
  const where = isSteps() ? `step ${at.toLocaleString("en")}` : time(at);
  const values = near.map(([curve, point]) => `${curve.name} ${short(point[1])}`).join(", ");
  moveCursor(figure, figure.toPlace(at));
  figure.querySelector(".readout").textContent = `${where}: ${values}`;
}

function rest(plot, figure) {
  const isTold = told !== null && told >= shown[0] && told <= shown[1];
  if (isTold) read(plot, figure, told);
  else figure.querySelector(".readout").textContent = "";
  moveCursor(figure, isTold ? figure.toPlace(told) : BESIDE);
}

function listen(figure, index) {
  const canvas = figure.querySelector("svg");
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse") return;  // a finger scrolls the page
    from = figure.toData(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [at, value] = figure.toData(event);
    read(data.plots[index], figure, value);
    if (!from) return;
    figure.stretch.setAttribute("x", Math.min(from[0], at));
    figure.stretch.setAttribute("width", Math.abs(at - from[0]));
  });
  canvas.addEventListener("pointerup", (event) => {
    const start = from, [at, value] = figure.toData(event);
    from = null;
    figure.stretch.setAttribute("width", 0);
    if (start && Math.abs(at - start[0]) > SHORTEST_DRAG) zoom(...[start[1], value].sort((one, other) => one - other));
  });
  canvas.addEventListener("pointerleave", () => rest(data.plots[index], figure));
  canvas.addEventListener("dblclick", () => change("all"));
  canvas.addEventListener("keydown", (event) => {
    if (!KEYS[event.key]) return;
    event.preventDefault();
    change(KEYS[event.key]);
  });
}

function build(plot, index) {
  const figure = document.createElement("figure"), head = html("figcaption", "", "", figure);
  html("strong", "", plot.title, head);
  html("span", "unit", plot.unit, head);
  const legend = html("span", "legend", "", head);
  const named = plot.curves.length > 1 ? plot.curves : [];
  for (const curve of named) html("span", `key colour-${curve.colour} run-${curve.run}`, curve.name, legend);
  const last = plot.curves.map(({name, points}) => `${name} ${short(points[points.length - 1][1])}`).join(", ");
  const words = `${plot.title} (${plot.unit}) over ${data.axis}; last: ${last}.`;
  const keys = "Plus and minus zoom, arrows move, 0 shows all.";
  svg("svg", {tabindex: 0, role: "img", "aria-label": `${words} ${keys}`}, figure);
  html("p", "readout", "", figure);
  grid.append(figure);
  listen(figure, index);
}

function draw() {
  width = Math.max(NARROWEST, grid.children[0]?.clientWidth || width);
  data.plots.forEach((plot, index) => {
    drawPlot(plot, grid.children[index]);
    rest(plot, grid.children[index]);
  });
  const isAll = shown[0] <= whole[0] && shown[1] >= whole[1];
  for (const button of tools.querySelectorAll("button")) button.disabled = isAll && button.dataset.action !== "in";
}

function take() {
  const wasAll = shown[0] === whole[0] && shown[1] === whole[1];
  data = props.value || {axis: "step", plots: []};
  const places = data.plots.flatMap((plot) => plot.curves.flatMap((curve) => curve.points.map(([at]) => at)));
  whole = places.length ? [Math.min(...places), Math.max(...places)] : [0, 1];
  if (whole[0] === whole[1]) whole = [whole[0] - 1, whole[1] + 1];
  if (wasAll || known !== data.id) shown = [...whole];
  known = data.id;
  tools.hidden = !data.plots.length;
  const focused = [...grid.children].findIndex((figure) => figure.contains(document.activeElement));
  grid.replaceChildren();
  data.plots.forEach(build);
  draw();
  grid.children[focused]?.querySelector("svg").focus({preventScroll: true});
}

element.closest("#run-detail").addEventListener("plot-cursor", ({detail}) => {
  told = detail.at;
  data.plots.forEach((plot, index) => {
    if (!grid.children[index].matches(":hover")) rest(plot, grid.children[index]);
  });
});
tools.addEventListener("click", (event) => { if (event.target.dataset.action) change(event.target.dataset.action); });
new ResizeObserver(() => { if (grid.children[0] && grid.children[0].clientWidth !== width) draw(); }).observe(grid);
watch("value", take);
take();
