// Fields of the whole page: the one whose value was refused is marked, since the message may be far from it; messages are
// read out; and lists of choices close.
// Fields whose name in a message is not their id.
const FIELDS = { "key frames": "keys", frames_per_second: "speed", A: "mix-a", B: "mix-b", C: "mix-c" };

const TOAST = ".toast-body", ALERT = "[role=alert]"; // a message in the corner, and one beside what it is about
let edited = null; // the field that was edited last

// The field that the message names, or the one that was edited last: for a message in the corner, or beside that field.
const mark = (message) => {
  const name = message.textContent.match(/`([^`]+)`/)?.[1];
  const named = name && document.querySelector(`#${CSS.escape(FIELDS[name] || name)} :is(input, textarea)`);
  const isAboutEdited = message.matches(TOAST) || (edited && message.closest(".workbench")?.contains(edited));
  const field = named || (isAboutEdited ? edited : null);
  if (!message.textContent.trim() || !field?.checkVisibility()) return;
  field.setAttribute("aria-invalid", "true");
  field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
};

// Gradio puts each message into the page as a live region of its own, which screen readers miss; so the page says it.
const say = (toast) => {
  toast.setAttribute("aria-live", "off");
  const detail = toast.querySelector('[data-testid="toast-text"]').textContent;
  document.dispatchEvent(new CustomEvent("dcgan-say", { detail }));
};

const messagesIn = ({ target, addedNodes }) => {
  if (target.closest(ALERT)) return [target.closest(ALERT)];
  const added = [...addedNodes].filter((node) => node.nodeType === Node.ELEMENT_NODE);
  const all = `${TOAST}, ${ALERT}`;
  return added.flatMap((node) => [...(node.matches(all) ? [node] : []), ...node.querySelectorAll(all)]);
};

new MutationObserver((changes) => {
  for (const message of new Set(changes.flatMap(messagesIn))) {
    const isToast = message.matches(TOAST);
    if (isToast) say(message);
    if (!isToast || message.matches(".error")) mark(message);
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
