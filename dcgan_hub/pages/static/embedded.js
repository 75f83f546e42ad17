// A page that holds its model: it is opened from what stands in the file.

function fromBase64(text) {
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

start(async ({name, limits}) => {
  const weights = find("#weights"), facts = readFacts(new TextEncoder().encode(find("#facts").textContent), limits);
  return {name, facts, content: fromBase64(weights.textContent), planes: Number(weights.dataset.planes)};
});
