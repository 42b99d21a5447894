// <form data-bulk="GRID">: what is done with the pictures of a grid whose boxes are ticked. The address names
// them, so that they are still chosen after going elsewhere and back; Shift ticks all from the last one on.
const bar = document.querySelector("[data-bulk]");
const grid = bar && document.getElementById(bar.dataset.bulk);
const NAMED = 12;
let last = null;

if (bar && grid) {
  grid.addEventListener("click", (event) => {
    const box = event.target.closest("input[name=image]");
    if (!box) return;
    if (event.shiftKey && last) between(last, box).forEach((one) => (one.checked = box.checked));
    last = box;
    show();
  });
  const all = bar.querySelector("[data-bulk-all]");
  const none = bar.querySelector("[data-bulk-none]");
  all.hidden = none.hidden = false;
  all.addEventListener("click", () => tick(true));
  none.addEventListener("click", () => tick(false));
  show();
}

function boxes() {
  return [...grid.querySelectorAll("input[name=image]")];
}

function between(one, other) {
  const every = boxes();
  const [from, to] = [every.indexOf(one), every.indexOf(other)].sort((a, b) => a - b);
  return every.slice(from, to + 1);
}

function tick(on) {
  for (const box of boxes()) box.checked = on;
  show();
}

function show() {
  const ticked = boxes().filter((box) => box.checked);
  const words = ticked.length === 1 ? "1 image" : `${ticked.length} images`;
  bar.querySelector("[data-bulk-count]").textContent = words;
  const chosen = ticked.map((box) => box.value.slice(0, NAMED)).join(",");
  const address = named(location.href, chosen);
  if (address !== location.href) history.replaceState(history.state, "", address);
  for (const shot of grid.querySelectorAll("[data-shot]")) shot.href = named(shot.href, chosen);
  const panel = document.querySelector("[data-panel-back]");
  if (panel) panel.dataset.panelBack = named(new URL(panel.dataset.panelBack, location.href), chosen);
}

function named(address, chosen) {
  const to = new URL(address);
  if (chosen) to.searchParams.set("chosen", chosen);
  else to.searchParams.delete("chosen");
  return to.href;
}
