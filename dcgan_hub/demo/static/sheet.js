// Pictures that can be chosen, by pointer or keys; together they are one tab stop, and arrow keys move within.
// Events: choose, with {point, tab}, and remove, with {point}. That of Generate goes on, see sheet_growth.js.
let at = 0; // the picture that has the focus, or had it last
let hasFocus = false;

const pictures = () => [...element.querySelectorAll("button.picture")];
// Of a picture, or of the button beside it.
const placeOf = (node) => pictures().indexOf(node.closest(".kept")?.querySelector("button.picture") || node.closest("button.picture"));

const settle = () => {
  const all = pictures();
  const pressed = all.findIndex((picture) => picture.getAttribute("aria-pressed") === "true");
  at = Math.max(0, Math.min(hasFocus || pressed < 0 ? at : pressed, all.length - 1));
  all.forEach((picture, index) => (picture.tabIndex = index === at ? 0 : -1));
};

const announce = (first = 0) => {
  const words = pictures().slice(first).map((picture) => picture.title);
  if (!words.length || !element.checkVisibility()) return;
  const detail = words.length > 1 ? `${words.length} images: ${words[0]} to ${words[words.length - 1]}` : words[0];
  document.dispatchEvent(new CustomEvent("dcgan-say", { detail }));
};

element.addEventListener("click", (event) => {
  const removal = event.target.closest("button.remove");
  if (removal) {
    trigger("remove", { point: removal.dataset.point });
    return;
  }
  const picture = event.target.closest("button.picture");
  if (!picture) return;
  for (const other of pictures()) other.setAttribute("aria-pressed", String(other === picture));
  const tab = document.querySelector('#tabs button[role="tab"][aria-selected="true"]');
  trigger("choose", { point: picture.dataset.point, tab: tab ? tab.textContent.trim() : "" });
});

element.addEventListener("keydown", (event) => {
  const all = pictures();
  const here = all.indexOf(event.target.closest("button.picture"));
  if (here < 0) return;
  const below = all.findIndex((picture) => picture.getBoundingClientRect().top > all[0].getBoundingClientRect().top + 4);
  const columns = below > 0 ? below : all.length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -here, End: all.length - 1 - here };
  const next = all[here + steps[event.key]];
  if (next) {
    next.focus();
    event.preventDefault();
  }
});

element.addEventListener("focusin", (event) => {
  hasFocus = true;
  at = Math.max(0, placeOf(event.target));
  settle();
});
document.addEventListener("focusin", (event) => {
  if (!element.contains(event.target)) hasFocus = false;
});

watch("value", () => {
  settle();
  announce();
  // The picture that had the focus is gone with the sheet before; its place has it now.
  if (hasFocus && document.activeElement === document.body) pictures()[at]?.focus({ preventScroll: true });
});
settle();
