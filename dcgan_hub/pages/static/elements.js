// Finds and makes elements. Texts are set as text, never as markup.

const find = (selector) => document.querySelector(selector);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Says what happened, to eyes and screen readers, where they are; `isProblem` colors it.
function say(text, isProblem = false) {
  const status = find("dialog[open] .status") ?? find("body > .status");
  status.textContent = text;
  status.classList.toggle("problem", isProblem);
}

const describe = (error) => (error instanceof Refusal ? error.message : `Something went wrong: ${error.message}`);

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

// Part of a file name, from any text.
const fileName = (text) => text.replace(/[^A-Za-z0-9.~@+_-]+/g, "-").slice(0, 80);

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied: ${text}`);
  } catch {
    say(text);  // some browsers refuse on a page that was opened from a disk; the text can be selected
  }
}
