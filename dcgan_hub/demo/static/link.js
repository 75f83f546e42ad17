// The link to what is shown. Value: its query, from the question mark on; `chosen`: the selected point, or "".
// The address bar follows it, see address.js.
const anchor = element.querySelector("a");
const button = element.querySelector("button");

let line = ""; // of breeding, see breeding.js
const parameter = (name, value) => (value ? `&${name}=${encodeURIComponent(value)}` : "");
const query = () => `${props.value}${parameter("chosen", props.chosen)}${parameter("line", line)}`;

const show = () => {
  const ready = Boolean(props.value);
  button.disabled = !ready;
  anchor.hidden = !ready;
  if (!ready) return;
  anchor.href = new URL(query(), window.location.href).href;
  document.dispatchEvent(new Event("dcgan-link"));
};

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https a page may not use the clipboard; the old way asks for a marked text.
    const field = document.createElement("textarea");
    field.value = text;
    element.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
};

button.addEventListener("click", async () => {
  const done = await copy(anchor.href);
  button.textContent = done ? "Copied" : "Use the link beside";
  window.setTimeout(() => (button.textContent = "Copy link"), 1600);
});
element.addEventListener("line", ({ detail }) => {
  line = detail;
  show();
});
watch(["value", "chosen"], show);
show();
