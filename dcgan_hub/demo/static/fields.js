// Fields of the whole page: the one whose value was refused is marked, since the message is in the corner; and lists of
// choices close.
// Fields whose name in a message is not their id.
const FIELDS = { "key frames": "keys", frames_per_second: "speed", A: "mix-a", B: "mix-b", C: "mix-c" };

let edited = null; // the field that was edited last

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
