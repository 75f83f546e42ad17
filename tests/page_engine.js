// Runs the scripts of the page in Node: node engine.js JOB, a JSON file {scripts, limits, ...} of one kind of work.
// Answers with JSON on standard output; arrays of bytes and floats go to files.
"use strict";
const fs = require("fs"), path = require("path"), vm = require("vm");

const job = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const source = job.scripts.map((file) => fs.readFileSync(file, "utf8")).join("");
const names = "drawLatent, drawClass, interpolate, compileNetwork, weightShapes, readFacts, readWeights, unpack, Refusal, parsePoint, parsePoints, encodePng, findDirections";
const page = vm.runInThisContext(`(() => {"use strict";${source}\nreturn {${names}};})()`);

const kinds = {
  // Float32 latents of seeds, one after another.
  latents: ({seeds, count, out}) => {
    fs.writeFileSync(out, Buffer.concat(seeds.map((seed) => Buffer.from(page.drawLatent(seed, count).buffer))));
  },

  // The classes of seeds.
  classes: ({seeds, count}) => seeds.map((seed) => page.drawClass(seed, count)),

  // The images of seeds of several bundles, as bytes in one file for each.
  images: ({bundles, seeds, limits}) => {
    for (const {folder, out} of bundles) {
      const facts = page.readFacts(fs.readFileSync(path.join(folder, "dcgan.json")), limits);
      const weights = page.readWeights(fs.readFileSync(path.join(folder, "model.safetensors")), facts);
      const draw = page.compileNetwork(facts.network, weights);
      const classesOf = (seed) => [[page.drawClass(seed, facts.network.classes ?? 1), 1]];
      const images = seeds.map((seed) => draw(page.drawLatent(seed, facts.network.latent_dim), classesOf(seed)));
      fs.writeFileSync(out, Buffer.concat(images.map((image) => Buffer.from(image))));
    }
  },

  // The directions of several bundles, by folder.
  directions: ({folders, limits}) => Object.fromEntries(folders.map((folder) => {
    const facts = page.readFacts(fs.readFileSync(path.join(folder, "dcgan.json")), limits);
    const weights = page.readWeights(fs.readFileSync(path.join(folder, "model.safetensors")), facts);
    return [folder, page.findDirections(facts.network, weights).map((row) => [...row])];
  })),

  // Why bundles are refused, by folder; "" for one that is not.
  refusals: ({folders, limits}) => Object.fromEntries(folders.map((folder) => {
    try {
      const facts = page.readFacts(fs.readFileSync(path.join(folder, "dcgan.json")), limits);
      page.readWeights(fs.readFileSync(path.join(folder, "model.safetensors")), facts);
      return [folder, ""];
    } catch (error) {
      return [folder, error instanceof page.Refusal || error.code ? error.message : `${error.stack}`];
    }
  })),

  // Latents of named points, one after another, and their texts, seeds and classes; null for what is no point.
  points: ({texts, directions, classNames, out}) => {
    const space = {latentDim: directions[0].length, classNames, directions: directions.map((row) => Float32Array.from(row))};
    const points = texts.map((text) => { try { return page.parsePoint(text); } catch { return null; } });
    fs.writeFileSync(out, Buffer.concat(points.filter(Boolean).map((point) => Buffer.from(point.latent(space).buffer))));
    return points.map((point) => point && [point.text, point.seed, point.named]);
  },

  // Images as one PNG, or as an animated one.
  png: async ({images, shape: [height, width, channels], text, milliseconds, out}) => {
    const frames = images.map((bytes) => ({height, width, channels, bytes: Uint8ClampedArray.from(bytes)}));
    fs.writeFileSync(out, Buffer.from(await (await page.encodePng(frames, text, milliseconds)).arrayBuffer()));
  },
};

(async () => process.stdout.write(JSON.stringify((await kinds[job.kind](job)) ?? null)))();
