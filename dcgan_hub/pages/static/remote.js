// A page whose model is on the Hub: the one it was made for, at its commit, or with ?model=user/name[@revision] another
// public one. Files are read up to the size that they may have, and not further.

const NAME = /^[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/, REVISION = /^[A-Za-z0-9_](?:[\w./-]{0,126}[A-Za-z0-9_])?$/;

// The model that the address asks for, or else the page's own: {repository, revision}.
function wantedModel(own) {
  const asked = new URLSearchParams(location.search).get("model");
  if (asked === null) return own;
  const [repository, revision = "main", ...more] = asked.split("@"), parts = repository.split("/");
  const isName = parts.length === 2 && parts.every((part) => NAME.test(part) && !/--|\.\.|\.git$/.test(part));
  const isRevision = REVISION.test(revision) && !/\.\.|\/\//.test(revision) && !more.length;
  if (!isName || !isRevision) refuse("A model on the Hub is called user/name", asked);
  return {repository, revision};
}

async function request(address, what) {
  let answer;
  try {
    answer = await fetch(address, {credentials: "omit", referrerPolicy: "no-referrer"});
  } catch {
    throw new Refusal(`${what} could not be loaded. Check the connection, and load the page again.`);
  }
  if (answer.ok) return answer;
  if ([401, 403, 404].includes(answer.status)) refuse(`${what} must be public on the Hub`, `status ${answer.status}`);
  throw new Refusal(`The Hub answers with status ${answer.status} for ${what}. Try again later.`);
}

// The body as bytes, `largest` at most.
async function readBounded(answer, largest, what) {
  const tooLarge = (received) => refuse(`${what} may have at most ${grouped(largest)} bytes`, received);
  const announced = Number(answer.headers.get("content-length") ?? 0);
  if (announced > largest) tooLarge(grouped(announced));
  const reader = answer.body.getReader(), parts = [];
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    length += part.value.length;
    if (length <= largest) continue;
    reader.cancel();
    tooLarge("more");
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function checkDigest(bytes, wanted) {
  if (!globalThis.crypto?.subtle) return;  // only pages from a secure address can compute one
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const received = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (received !== wanted) refuse("model.safetensors must have the SHA-256 given in dcgan.json", received);
}

start(async ({endpoint, model, limits}) => {
  const {repository, revision} = wantedModel(model), path = `${endpoint}/${repository}/resolve`;
  find("h1").textContent = repository;
  say(`Loading ${repository} ...`);
  const load = (at, file) => request(`${path}/${encodeURIComponent(at)}/${file}`, `${repository}: ${file}`);
  const answer = await load(revision, "dcgan.json");
  const facts = readFacts(await readBounded(answer, MAX_FACTS_BYTES, "dcgan.json"), limits);
  const commit = answer.headers.get("x-repo-commit") ?? revision;  // one for both files, even if the branch moves
  const weights = await load(commit, "model.safetensors");
  const content = await readBounded(weights, weightsFileBytes(facts)[1], "model.safetensors");
  await checkDigest(content, facts.weights.sha256);
  const directions = findDirections(facts.network, readWeights(content, facts));
  return {name: repository, facts, content, planes: 0, directions};
});
