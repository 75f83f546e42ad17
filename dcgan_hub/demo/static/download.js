// Saves each file that the server hands over. Value: {file: {url}, name, id}.
watch("value", () => {
  if (!props.value || !props.value.file) return;
  const anchor = document.createElement("a");
  anchor.href = props.value.file.url;
  anchor.download = props.value.name;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
});
