// Pictures that can be chosen, by pointer or by keys. Event: choose, with {point}; remove, with {point}.
const pictures = () => [...element.querySelectorAll("button.picture")];

element.addEventListener("click", (event) => {
  const removal = event.target.closest("button.remove");
  if (removal) {
    trigger("remove", { point: removal.dataset.point });
    return;
  }
  const picture = event.target.closest("button.picture");
  if (!picture) return;
  for (const other of pictures()) other.setAttribute("aria-pressed", String(other === picture));
  const tab = document.querySelector('#tabs button[role="tab"][aria-selected="true"]');
  trigger("choose", { point: picture.dataset.point, tab: tab ? tab.textContent.trim() : "" });
});

element.addEventListener("keydown", (event) => {
  const all = pictures();
  const here = all.indexOf(event.target.closest("button.picture"));
  if (here < 0) return;
  const below = all.findIndex((picture) => picture.getBoundingClientRect().top > all[0].getBoundingClientRect().top + 4);
  const columns = below > 0 ? below : all.length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -here, End: all.length - 1 - here };
  const next = all[here + steps[event.key]];
  if (next) {
    next.focus();
    event.preventDefault();
  }
});
