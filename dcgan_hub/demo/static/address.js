// The address bar holds the link of the tab that is open, so that it can be reloaded, copied and left by Back.
// `names`: the parameters of this app's links; others stay. Event: visit, with {query}, when the visitor goes back.
const SETTLING = 1500; // milliseconds in which changes are one: those of a slider, for instance
let follows = true; // what the address says is being shown; nothing new is recorded until the visitor acts
let recorded = -Infinity;
// What the visitor came with or went back to, for scripts of tabs that are opened when the address has changed already.
const remember = () => (document.body.dataset.visit = window.location.search);

const openTab = () => {
  const tab = document.querySelector('#tabs button[role="tab"][aria-selected="true"]');
  return tab ? tab.dataset.tabId : "generate";
};

const wanted = () => {
  const tab = openTab();
  const link = [...document.querySelectorAll("a[data-link]:not([hidden])")].find((anchor) => anchor.checkVisibility());
  if (link) return new URL(link.href).search;
  return tab === "generate" ? "" : `?tab=${tab}`;
};

// Another choice on the same sheet is no step to go back from.
const sheetOf = (query) => {
  const parameters = new URLSearchParams(query);
  parameters.delete("chosen");
  return parameters.toString();
};

const record = () => {
  const here = new URL(window.location.href);
  for (const name of props.names) here.searchParams.delete(name);
  const others = here.searchParams.toString();
  const query = wanted();
  const address = `${query}${others ? `${query ? "&" : "?"}${others}` : ""}` || window.location.pathname;
  if (address === (window.location.search || window.location.pathname)) return;
  const now = performance.now();
  const replaces = follows || now - recorded < SETTLING || sheetOf(address) === sheetOf(window.location.search);
  if (replaces) window.history.replaceState(null, "", `${address}${here.hash}`);
  else window.history.pushState(null, "", `${address}${here.hash}`);
  if (!replaces) recorded = now;
};

const act = () => (follows = false);

for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, act, { capture: true });
remember();
document.addEventListener("dcgan-link", record);
document.addEventListener("dcgan-tab", record);
window.addEventListener("popstate", () => {
  follows = true;
  recorded = -Infinity;
  remember();
  trigger("visit", { query: window.location.search });
});
