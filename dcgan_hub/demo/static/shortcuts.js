// Keys that work on the whole page, unless the focus is where they mean something else; and, since a refused value is
// told of in the corner, the mark at its field.
let edited = null;
const list = element.querySelector("dialog");
const KEYS = {
  " ": ["#surprise"], // a walk listens by itself
  k: ["#keep", 'button[data-action="keep"]'],
  s: ["#save-png", "#save-mp4", "#save-plane"],
};
const PICTURES = "button.picture[tabindex='0']";
// Fields whose name in a message is not their id.
const FIELDS = { "key frames": "keys", frames_per_second: "speed", A: "mix-a", B: "mix-b", C: "mix-c" };

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
document.addEventListener("input", (event) => (edited = event.target.matches("input[type=text], textarea") ? event.target : null));
// Gradio's lists stay open when one leaves them by Tab, and lose the focus when one has chosen by Enter.
let pressed = "";
document.addEventListener("keydown", (event) => (pressed = event.key), { capture: true });
document.addEventListener("pointerdown", () => (pressed = ""), { capture: true });
document.addEventListener("focusout", ({ target }) => {
  if (!target.matches("[role=combobox]")) return;
  window.setTimeout(() => {
    if (pressed === "Enter" && document.activeElement === document.body) target.focus(); // which opens the list
    window.setTimeout(() => {
      if (target.getAttribute("aria-expanded") !== "true") return;
      target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    }, 50); // when Gradio has drawn it
  });
});
list.addEventListener("click", (event) => event.target === list && list.close()); // beside it

// The field that the message names, or the one that was edited last.
const mark = (message) => {
  const name = message.match(/`([^`]+)`/)?.[1];
  const field = (name && document.querySelector(`#${CSS.escape(FIELDS[name] || name)} :is(input, textarea)`)) || edited;
  if (!field?.checkVisibility()) return;
  field.setAttribute("aria-invalid", "true");
  field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
};

new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    const toast = node.nodeType === 1 && (node.matches(".toast-body.error") ? node : node.querySelector(".toast-body.error"));
    if (toast) mark(toast.textContent);
  }
}).observe(document.body, { childList: true, subtree: true });
