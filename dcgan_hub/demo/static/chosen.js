// What the browser does with the selected image: copy it, share it, repeat it if it tiles, and, where it lies over the
// page, close it.
// Event: leave. Copies are enlarged, since what receives them would blur so few pixels.
const LEAST_SIDE = 512;
const TILES = 3; // in a row, where an image is repeated
const REFUSED = "The browser refused. Save PNG works everywhere.";

const longerSide = ({ naturalWidth, naturalHeight }) => Math.max(naturalWidth, naturalHeight);

// The image, or those of two generators side by side.
const drawn = () => {
  const images = [...element.querySelectorAll("img")], side = Math.max(LEAST_SIDE, ...images.map(longerSide));
  const sizes = images.map((image) => {
    const factor = side / longerSide(image);
    return [Math.round(image.naturalWidth * factor), Math.round(image.naturalHeight * factor)];
  });
  const canvas = document.createElement("canvas");
  canvas.width = sizes.reduce((sum, [width]) => sum + width, 0);
  canvas.height = Math.max(...sizes.map(([, height]) => height));
  const brush = canvas.getContext("2d");
  brush.imageSmoothingEnabled = !document.body.classList.contains("sharp");
  brush.imageSmoothingQuality = "high";
  images.reduce((left, image, index) => {
    brush.drawImage(image, left, 0, ...sizes[index]);
    return left + sizes[index][0];
  }, 0);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
};

const name = () => element.querySelector(".name").textContent;

const copy = async () => {
  await navigator.clipboard.write([new ClipboardItem({ "image/png": drawn() })]);
  return "Copied";
};

const share = async () => {
  const file = new File([await drawn()], `${name().replace(/[^\w.-]+/g, "-")}.png`, { type: "image/png" });
  await navigator.share({ files: [file], title: name(), url: window.location.href });
  return "Shared";
};

const leave = () => {
  const picture = document.querySelector('#images button[aria-pressed="true"]');
  if (picture) picture.setAttribute("aria-pressed", "false");
  (picture || document.querySelector("#images button.picture"))?.focus();
  trigger("leave", {});
};

// Repeated, an image is its own background, and the image itself is moved out of its frame.
let isRepeated = false;
const repeat = () => {
  const button = element.querySelector('[data-action="repeat"]');
  if (!button) return;
  button.setAttribute("aria-pressed", String(isRepeated));
  for (const image of element.querySelectorAll("img")) {
    image.style.background = isRepeated ? `url("${image.src}") center / calc(100% / ${TILES})` : "";
    image.style.objectPosition = isRepeated ? "0 200vmax" : "";
  }
};

element.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  if (button.dataset.action === "leave") return leave();
  if (button.dataset.action === "repeat") {
    isRepeated = !isRepeated;
    return repeat();
  }
  const words = button.textContent;
  try {
    button.textContent = await (button.dataset.action === "copy" ? copy() : share());
  } catch (error) {
    button.textContent = error.name === "AbortError" ? words : REFUSED;
  }
  window.setTimeout(() => (button.textContent = words), 2500);
});

const offer = () => {
  const button = element.querySelector('[data-action="share"]');
  if (button) button.hidden = !navigator.canShare?.({ files: [new File([""], "a.png", { type: "image/png" })] });
};

// Until an image is selected, the first of the sheet is shown in its place; a click selects it.
const sheet = document.querySelector("#images");
const firstOfSheet = () => sheet?.querySelector("button.picture");
const preview = () => {
  const frame = element.querySelector(".frame"), image = firstOfSheet()?.querySelector("img");
  if (frame && image) frame.style.backgroundImage = `url("${image.src}")`;
};
element.addEventListener("click", (event) => {
  if (event.target.closest(".frame")) firstOfSheet()?.click();
});
if (sheet) new MutationObserver(preview).observe(sheet, { childList: true, subtree: true });

watch("value", () => {
  offer();
  repeat();
  preview();
});
offer();
preview();
