// <body data-live="/api/events">: puts the newest drawing of each <... data-region="name"> into the page.
// A region with data-hold stands still under a pointer or the cursor: nobody's target moves away.
// When the station does not answer, [data-lost] shows and the edge of the screen says so.
const body = document.body;
const lost = document.querySelector("[data-lost]");
const HOLD_MS = 5000;
const SILENT_MS = 3000;
const shown = new Map();
const loading = new Set();
let touched = 0;
let heard = performance.now();

listen();
setInterval(() => performance.now() - heard > SILENT_MS && say(true), 1000);
addEventListener("pointerdown", (event) => {
  if (event.target.closest?.("[data-hold]")) touched = performance.now();
});

function listen() {
  const source = new EventSource(body.dataset.live);
  source.addEventListener("line", (event) => {
    heard = performance.now();
    say(false);
    draw(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    say(true);
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
  addEventListener("pagehide", () => source.close());
}

function say(isLost) {
  lost.hidden = !isLost;
  body.toggleAttribute("data-offline", isLost);
}

function draw({ state, fault, held, regions }) {
  body.dataset.state = state;
  body.toggleAttribute("data-fault", fault);
  const waiting = document.querySelector("[data-waiting]");
  if (waiting.textContent !== held) {
    waiting.textContent = held;
    document.dispatchEvent(new CustomEvent("andon:held"));
  }
  for (const region of document.querySelectorAll("[data-region]")) {
    const html = regions[region.dataset.region];
    if (html === shown.get(region) || loading.has(region) || isHeld(region)) continue;
    shown.set(region, html);
    put(region, html);
  }
}

function isHeld(region) {
  if (!("hold" in region.dataset)) return false;
  const recent = touched && performance.now() - touched < HOLD_MS;
  return recent || region.matches(":hover, :focus-within") || document.querySelector("[data-pick]").matches(":popover-open");
}

// A picture appears with its contour, and not before it is there; one at a time, the newest next.
function put(region, html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  const drawn = document.importNode(made.content, true);
  const image = drawn.querySelector("img");
  if (!image) {
    region.replaceChildren(drawn);
    return;
  }
  loading.add(region);
  image
    .decode()
    .then(
      () => region.replaceChildren(drawn),
      () => shown.delete(region),
    )
    .finally(() => loading.delete(region));
}
