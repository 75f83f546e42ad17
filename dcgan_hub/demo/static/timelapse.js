// The time-lapse as a video that the server has made. Value: {file: {url}, label}, or nothing.
const figure = element.querySelector("figure"), video = element.querySelector("video");

const show = () => {
  figure.hidden = !props.value?.file;
  if (figure.hidden) return video.removeAttribute("src");
  element.querySelector("figcaption").textContent = props.value.label;
  video.src = props.value.file.url;
};
watch("value", show);
show();
