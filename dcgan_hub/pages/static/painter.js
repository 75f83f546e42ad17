// Draws images in workers, and keeps those that were drawn.

const KEPT_BYTES = 64000000;
const MOST_WORKERS = 4;  // each has the weights in memory

// `model` is {facts, content, planes}, see serveWorker; `directions` are those of its latent space, Float32Arrays (Z).
// How a point is drawn, its look, is {truncation, chosen}: the number of a class, or null for the one of its seed; a point that names its class is drawn in that.
// `onProblem` is told a sentence if nothing can be drawn.
function makePainter(model, directions, onProblem) {
  const {image_size: [height, width], channels, latent_dim: latentDim} = model.facts.network;
  const classNames = model.facts.class_names ?? [];
  const source = `"use strict";\n${document.getElementById("engine").textContent}\nserveWorker();`;
  const address = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const idle = [], waiting = [], pending = new Map(), kept = new Map();
  const most = Math.floor(KEPT_BYTES / (height * width * channels));  // images that are kept
  let tickets = 0, missing = Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 2);

  // One after another: the first image is there sooner if the first worker and its compiler have the processor.
  function addWorker() {
    if (!missing--) return;
    const worker = new Worker(address);
    worker.onmessage = ({data}) => {
      if (data.problem !== undefined) onProblem(data.problem);
      else if (data.ready) {
        release(worker);
        addWorker();
      } else deliver(worker, data);
    };
    worker.onerror = (event) => onProblem(`The images cannot be drawn: ${event.message}`);
    worker.postMessage(model);
  }

  function deliver(worker, {ticket, bytes}) {
    const job = pending.get(ticket);
    pending.delete(ticket);
    job.resolve({height, width, channels, bytes});
    release(worker);
  }

  function release(worker) {
    idle.push(worker);
    next();
  }

  function next() {
    while (idle.length && waiting.length) {
      const worker = idle.pop(), job = waiting.shift(), ticket = tickets++;
      pending.set(ticket, job);
      let latent;
      try {
        latent = job.latent();
      } catch (error) {
        pending.delete(ticket);
        job.reject(error);
        idle.push(worker);
        continue;
      }
      worker.postMessage({ticket, latent, classes: job.classes}, [latent.buffer]);
    }
  }

  // Pairs of a class that a point is drawn in and its share: those that it names, or else the chosen one or the seed's.
  const classesOf = ({named, seed}, {chosen}) => (
    named.length ? named : [[chosen ?? drawClass(seed, classNames.length), 1]]
  );

  // The same as their names, the largest share first; "" if there are no classes.
  function classNameOf(point, look) {
    if (!classNames.length) return "";
    const numbers = [...classesOf(point, look)].sort((a, b) => b[1] - a[1]).map(([number]) => number);
    return numbers.map((number) => classNames[number] ?? `class ${number}`).join(" and ");
  }

  // A promise of the image of a point, {height, width, channels, bytes}. `group` names jobs that are given up together;
  // `between` are pairs of a class and its share for a point between classes.
  function draw(point, look, group, between) {
    const classes = classNames.length ? between ?? classesOf(point, look) : [];
    const {truncation} = look, key = `${point.text} ${truncation} ${classes.join(" ")}`, known = kept.get(key);
    if (known) {
      kept.delete(key);  // and to the end, so that the oldest is at the front
      kept.set(key, known);
      for (const job of waiting) if (job.key === key) job.group = group;
      return known;
    }
    const promise = new Promise((resolve, reject) => {
      const latent = () => point.latent({latentDim, directions, classNames}).map((value) => value * Math.fround(truncation));
      waiting.push({latent, classes, resolve, reject, group, key});
    });
    kept.set(key, promise);
    promise.catch(() => kept.delete(key));
    if (kept.size > most) kept.delete(kept.keys().next().value);
    next();
    return promise;
  }

  // Gives up the jobs of a group that no worker has begun; their promises stay open.
  function giveUp(group) {
    for (let i = waiting.length - 1; i >= 0; i--) {
      if (waiting[i].group === group) kept.delete(waiting.splice(i, 1)[0].key);
    }
  }

  addWorker();
  const isSeamless = Boolean(model.facts.network.seamless);
  return {
    draw, giveUp, classesOf, classNameOf, classNames, isSeamless, most, directions, height, width, channels,
  };
}

// Shows an image on a canvas of its size.
function paint(canvas, {height, width, channels, bytes}) {
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height), pixels = picture.data;
  for (let from = 0, to = 0; from < bytes.length; from += channels, to += 4) {
    for (let i = 0; i < 3; i++) pixels[to + i] = bytes[from + (channels === 1 ? 0 : i)];
    pixels[to + 3] = channels === 4 ? bytes[from + 3] : 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
