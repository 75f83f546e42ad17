// The sheet of sheet.js goes on: more images of the following seeds are added when the visitor scrolls to its end.
// `more`: {ticket, cells, end} or {ticket, problem} answers the event more, with {ticket, shown}. Event: onward, with
// {seed}, where a page shows no more.
const workbench = element.closest(".workbench");
const AHEAD = 300; // pixels below the window at which images are asked for
const SCROLLING = 800; // milliseconds after a turn of the wheel or a key in which the page moves on
let ticket = 0; // of the sheet on the page
let isAsking = false;

const further = () => element.querySelector(".further");

const ask = () => {
  if (isAsking || !further()?.querySelector('[data-action="more"]')) return;
  isAsking = true;
  further().setAttribute("aria-busy", "true");
  trigger("more", { ticket, shown: pictures().length });
};

// Where the controls are below the sheet, as on a phone, a sheet that grows by itself would keep them out of reach.
const isAboveControls = () => {
  const controls = workbench.querySelector(".controls");
  return controls.getBoundingClientRect().top > element.getBoundingClientRect().bottom - 4;
};

const arrive = () => {
  const button = further()?.querySelector('[data-action="more"]');
  if (!button?.checkVisibility() || isAboveControls()) return;
  if (button.getBoundingClientRect().top < window.innerHeight + AHEAD) ask();
};

// By the wheel and by keys that scroll, also where the page fits its window. Whoever is moved there by a click or a
// script wants no more images.
let scrolledAt = -Infinity;
const goDown = () => {
  scrolledAt = performance.now();
  arrive();
};
document.addEventListener("wheel", ({ deltaY, target }) => {
  if (deltaY > 0 && workbench.contains(target) && !target.closest(".controls")) goDown();
}, { passive: true });
document.addEventListener("keydown", ({ key, target }) => {
  if (["PageDown", "End"].includes(key) && !target.closest("input, textarea, .controls")) goDown();
});
document.addEventListener("scroll", () => performance.now() - scrolledAt < SCROLLING && arrive(),
  { capture: true, passive: true });

element.addEventListener("click", (event) => {
  const button = event.target.closest(".further button");
  if (button?.dataset.action === "more") ask();
  else if (button) trigger("onward", { seed: button.dataset.seed });
});
element.addEventListener("keydown", (event) => {
  // Within the sheet, these have moved the focus already.
  if (event.defaultPrevented || !["ArrowDown", "ArrowRight"].includes(event.key)) return;
  if (!event.target.matches("button.picture") || !further()) return;
  event.preventDefault();
  ask();
});

watch("value", () => {
  if (workbench.classList.contains("grown")) workbench.scrollIntoView(); // a new sheet is seen from its beginning
  workbench.classList.remove("grown");
  ticket += 1;
  isAsking = false;
});
watch("more", () => {
  const { ticket: answered, cells, end, problem } = props.more || {};
  if (answered !== ticket) return; // of an earlier sheet
  isAsking = false;
  scrolledAt = -Infinity; // the next images wait for the next turn of the wheel
  const before = pictures().length, hadFocus = further().contains(document.activeElement);
  further().removeAttribute("aria-busy");
  if (problem) {
    const words = Object.assign(document.createElement("span"), { className: "problem", textContent: problem });
    words.setAttribute("role", "alert");
    return further().replaceChildren(further().querySelector("button"), words);
  }
  element.querySelector(".sheet").insertAdjacentHTML("beforeend", cells);
  further().outerHTML = end;
  workbench.classList.add("grown");
  settle();
  if (hadFocus) pictures()[before]?.focus();
  announce(before);
});
