// Python code that can be copied. Value: {label, code}, or nothing. Without https it is marked, to be copied by hand.
const figure = element.querySelector("figure"), code = element.querySelector("code"), button = element.querySelector("button");

const show = () => {
  figure.hidden = !props.value?.code;
  element.querySelector("figcaption span").textContent = props.value?.label ?? "";
  code.textContent = props.value?.code ?? "";
};

button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    window.getSelection().selectAllChildren(code);
    button.textContent = "Marked";
  }
  window.setTimeout(() => (button.textContent = "Copy"), 1600);
});
watch("value", show);
show();
