// A slider between two images. All of them are here, side by side in one picture, so that dragging asks nobody.
// Value: {address, columns, rows, width, height, points, words}. Events: keep and show, with {point}.
const view = element.querySelector(".view");
const slider = element.querySelector("input");
const words = element.querySelector(".caption");
const buttons = [...element.querySelectorAll("button")];
let position = -1;

const draw = () => {
  const strip = props.value;
  const ready = Boolean(strip && strip.points);
  slider.disabled = !ready;
  for (const button of buttons) button.disabled = !ready;
  element.querySelector(".between").classList.toggle("empty", !ready);
  if (!ready) return;
  const last = strip.points.length - 1;
  slider.max = String(last);
  position = Math.min(Math.max(Number(slider.value), 0), last);
  const column = position % strip.columns;
  const row = Math.floor(position / strip.columns);
  const share = (index, count) => (count > 1 ? `${(100 * index) / (count - 1)}%` : "0%");
  view.style.backgroundPosition = `${share(column, strip.columns)} ${share(row, strip.rows)}`;
  view.setAttribute("aria-label", `Image of ${strip.words[position]}`);
  view.dataset.point = strip.points[position];
  slider.setAttribute("aria-valuetext", strip.words[position]);
  words.textContent = strip.words[position];
};

const load = () => {
  const strip = props.value;
  if (strip && strip.points) {
    view.style.backgroundImage = `url("${strip.address}")`;
    view.style.backgroundSize = `${100 * strip.columns}% ${100 * strip.rows}%`;
    view.style.aspectRatio = `${strip.width} / ${strip.height}`;
    slider.max = String(strip.points.length - 1);
    if (position < 0) slider.value = String(Math.floor(strip.points.length / 2));
  }
  draw();
};

slider.addEventListener("input", draw);
for (const button of buttons) {
  button.addEventListener("click", () => {
    const data = { point: props.value.points[position] };
    if (button.dataset.action === "keep") trigger("keep", data);
    else trigger("show", data);
  });
}
watch("value", load);
load();
