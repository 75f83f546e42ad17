// A page that holds its model: it is opened from what stands in the file.

function fromBase64(text) {
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

// Rows of float32 numbers, one after another.
function readDirections(text, latentDim) {
  const numbers = new Float32Array(fromBase64(text).buffer);
  return range(numbers.length / latentDim).map((row) => numbers.slice(row * latentDim, (row + 1) * latentDim));
}

start(async ({name, limits, directions}) => {
  const weights = find("#weights"), facts = readFacts(new TextEncoder().encode(find("#facts").textContent), limits);
  return {
    name, facts, content: fromBase64(weights.textContent), planes: Number(weights.dataset.planes),
    directions: readDirections(directions, facts.network.latent_dim),
  };
});
