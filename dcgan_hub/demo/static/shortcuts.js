// Keys that work on the whole page, unless the focus is where they mean something else.
const list = element.querySelector("dialog");
const KEYS = {
  " ": ["#surprise"], // a walk listens by itself
  k: ["#keep", 'button[data-action="keep"]'],
  s: ["#save-png", "#save-mp4", "#save-plane"],
};
const PICTURES = "button.picture[tabindex='0']";

const isTaken = (node, key) =>
  node.closest("input, textarea, select, dialog, [contenteditable], [role=tab], [role=listbox], .run-plots") ||
  (key === " " && node.closest("button, a, summary"));
const usable = (selectors) =>
  selectors.map((selector) => document.querySelector(`${selector}:not(:disabled)`)).find((node) => node?.checkVisibility());

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (isTaken(event.target, key)) return;
  if (key === "?") {
    list.showModal();
  } else if (KEYS[key] && usable(KEYS[key])) {
    usable(KEYS[key]).click();
  } else if (key.startsWith("Arrow") && event.target === document.body) {
    const picture = [...document.querySelectorAll(`#tabs ${PICTURES}`)].find((node) => node.checkVisibility());
    if (!picture) return;
    picture.focus();
  } else {
    return;
  }
  event.preventDefault();
});
list.addEventListener("click", (event) => event.target === list && list.close()); // beside it
