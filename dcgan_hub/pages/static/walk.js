// A walk between kept images, as an endless loop. Frames are drawn from coarse to fine, and until one is there its
// nearest neighbor is shown; once all are there it plays at 60 frames a second.

const FRAMES_PER_SECOND = 60, SAVED_FRAMES_PER_SECOND = 20, MOST_KEPT = 12;

function makeWalk(painter, {look, textOf, changed}) {
  const place = find("#walk"), canvas = find("#walk canvas"), slider = find("#moment"), play = find("#play");
  const list = find("#kept"), duration = find("#seconds");
  let points = [], frames = [], generation = 0, elapsed = 0, before = null, timer = 0;
  let isPlaying = !matchMedia("(prefers-reduced-motion: reduce)").matches;

  const seconds = () => Number(duration.value) * points.length;

  // The image at a share of the loop, 0 to 1; between two classes it is between their embeddings.
  function drawAt(share, drawn, group) {
    const position = share * points.length, index = Math.floor(position) % points.length;
    const start = points[index], end = points[(index + 1) % points.length], part = position - Math.floor(position);
    const classes = joinClasses([[1 - part, painter.classesOf(start, drawn)], [part, painter.classesOf(end, drawn)]]);
    return painter.draw(towards(start, end, part), drawn, group, classes);
  }

  // Frame numbers, every 16th first, then every 8th in between, and so on.
  function coarseToFine(count) {
    const order = range(count).filter((index) => index % 16 === 0);
    for (let step = 16; step > 1; step /= 2) {
      order.push(...range(count).filter((index) => index % step === step / 2));
    }
    return order;
  }

  async function drawFrames() {
    const mine = ++generation, count = Math.min(painter.most, Math.round(seconds() * FRAMES_PER_SECOND));
    const drawn = new Array(count), chosen = {...look()};
    painter.giveUp("walk");
    frames = drawn;
    slider.max = String(Math.max(0, count - 1));
    const drawNext = async (order) => {
      for (const index of order) {
        if (mine !== generation) return;
        drawn[index] = await drawAt(index / count, chosen, "walk");
        if (!isPlaying) showFrame();
      }
    };
    const order = coarseToFine(count), lanes = 2 * MOST_WORKERS;
    await Promise.all(range(lanes).map((lane) => drawNext(order.filter((_, index) => index % lanes === lane))));
    if (mine === generation) place.dataset.frames = String(drawn.filter(Boolean).length);
  }

  const frameNumber = () => Math.min(frames.length - 1, Math.floor((elapsed / seconds()) * frames.length));

  function showFrame() {
    const wanted = frameNumber();
    for (let distance = 0; distance < frames.length; distance++) {
      const index = [wanted - distance, wanted + distance].find((number) => frames[number]);
      if (index === undefined) continue;
      paint(canvas, frames[index]);
      break;
    }
    slider.value = String(wanted);
    slider.setAttribute("aria-valuetext", `${elapsed.toFixed(1)} of ${seconds().toFixed(1)} seconds`);
  }

  function step(now) {
    elapsed = (elapsed + Math.min((now - (before ?? now)) / 1000, 0.25)) % seconds();
    before = now;
    showFrame();
    timer = requestAnimationFrame(step);
  }

  function run() {
    cancelAnimationFrame(timer);
    before = null;
    play.textContent = isPlaying ? "Pause" : "Play";
    if (isPlaying && points.length > 1) timer = requestAnimationFrame(step);
    else if (points.length > 1) showFrame();
  }

  function thumbnail(point, index) {
    const view = make("canvas", {width: painter.width, height: painter.height});
    const complain = (error) => say(describe(error), true);
    painter.draw(point, look(), "kept").then((image) => paint(view, image), complain);
    const caption = make("span", {className: "caption"}, "Remove");
    const remove = make("button", {type: "button", className: "picture"}, view, caption);
    remove.setAttribute("aria-label", `Remove ${point.text} from the walk`);
    remove.addEventListener("click", () => set(points.filter((_, other) => other !== index)));
    return remove;
  }

  function set(chosen) {
    points = chosen;
    elapsed = 0;
    find("#walk-section").hidden = !points.length;
    place.hidden = points.length < 2;
    find("#walk-hint").hidden = points.length !== 1;
    delete place.dataset.frames;
    list.replaceChildren(...points.map(thumbnail));
    generation++;
    painter.giveUp("walk");
    if (points.length > 1) drawFrames().catch((error) => say(describe(error), true));
    run();
    changed();
  }

  function keep(point) {
    if (points.length >= MOST_KEPT) return say(`A walk takes at most ${MOST_KEPT} images. Remove one first.`, true);
    set([...points, point]);
    say(`Image ${point.text} is part of the walk.`);
  }

  async function save() {
    const count = Math.round(seconds() * SAVED_FRAMES_PER_SECOND), chosen = {...look()};
    say("Saving the animation ...");
    const images = await Promise.all(range(count).map((index) => drawAt(index / count, chosen, "save")));
    const text = textOf(points.map(({text}) => text).join(", "), chosen);
    download(await encodePng(images, text, 1000 / SAVED_FRAMES_PER_SECOND), "walk.png");
    say(`Saved an animated PNG of ${count} frames.`);
  }

  play.addEventListener("click", () => { isPlaying = !isPlaying; run(); });
  slider.addEventListener("input", () => {
    isPlaying = false;
    elapsed = (Number(slider.value) / frames.length) * seconds() + 1e-6;
    run();
  });
  duration.addEventListener("change", () => set(points));
  find("#save-walk").addEventListener("click", () => save().catch((error) => say(describe(error), true)));
  return {keep, set, points: () => points, toggle: () => play.click(), redraw: () => set(points)};
}
