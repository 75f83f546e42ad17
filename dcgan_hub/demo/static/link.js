// The link to what is shown: in the address bar, and to be copied. The value is the part from the question mark on.
const NAMES = ["model", "revision", "seed", "count", "truncation"];
const anchor = element.querySelector("a");
const button = element.querySelector("button");

const address = () => new URL(String(props.value), window.location.href).href;

const show = () => {
  const ready = Boolean(props.value);
  button.disabled = !ready;
  anchor.hidden = !ready;
  if (!ready) return;
  anchor.href = address();
  const here = new URL(window.location.href); // other tabs may have their own parameters
  const wanted = new URLSearchParams(String(props.value));
  for (const name of NAMES) here.searchParams.delete(name);
  const others = here.searchParams.toString();
  window.history.replaceState(null, "", `?${wanted}${others ? `&${others}` : ""}${here.hash}`);
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
  const done = await copy(address());
  button.textContent = done ? "Copied" : "Use the link beside";
  window.setTimeout(() => (button.textContent = "Copy link"), 1600);
});
watch("value", show);
show();
