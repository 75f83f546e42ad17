// What a worker does: it unpacks the weights once, and then draws one image per message.

// Bytes that were compressed plane by plane: all first bytes of numbers, then all second ones, and so on.
async function unpack(packed, planes) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const shuffled = new Uint8Array(await new Response(stream).arrayBuffer()), bytes = new Uint8Array(shuffled.length);
  let place = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (let to = plane; to < bytes.length; to += planes) bytes[to] = shuffled[place++];
  }
  return bytes;
}

// Messages: first {facts, content, planes}, the facts already checked, and `planes` 0 for bytes as they are; then
// {ticket, latent, classes}. Answers: {ready} or {problem}, a sentence; then {ticket, bytes}.
function serveWorker() {
  let draw = null;
  async function prepare({facts, content, planes}) {
    const bytes = planes ? await unpack(content, planes) : content;
    draw = compileNetwork(facts.network, readWeights(bytes, facts));
    postMessage({ready: true});
  }
  onmessage = async ({data}) => {
    try {
      if (!draw) return await prepare(data);
      const bytes = draw(data.latent, data.classes);
      postMessage({ticket: data.ticket, bytes}, [bytes.buffer]);
    } catch (error) {
      postMessage({problem: error instanceof Refusal ? error.message : `The images cannot be drawn: ${error.message}`});
    }
  };
}
