// The page's voice for screen readers: it says what the event `dcgan-say` brings, {detail: text}. Each message is a paragraph of
// its own. As one text, what is wrong with a link was replaced by the first sheet's message before it was read.
const MESSAGES = 3; // that stay

document.addEventListener("dcgan-say", ({ detail }) => {
  const voice = element.querySelector("#announcer");
  voice.append(Object.assign(document.createElement("p"), { textContent: detail }));
  while (voice.children.length > MESSAGES) voice.firstElementChild.remove();
});
