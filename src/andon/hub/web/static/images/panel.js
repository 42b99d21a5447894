// <aside data-panel data-panel-back="ADDRESS">: shows the image of a [data-shot] link over the grid. The
// address names the image, so that a link to it can be sent and "back" closes it. The links
// [data-panel-step] go to the image before and the next one, over the end of the page too.
import { attachIn } from "/static/look/attach.js";

const panel = document.querySelector("[data-panel]");
const grid = document.querySelector("[data-shots]");
let wanted = "";

if (panel && grid) {
  grid.addEventListener("click", (event) => {
    const shot = event.target.closest("[data-shot]");
    if (!shot || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(shot, true);
  });
  panel.addEventListener("click", (event) => {
    const step = event.target.closest("[data-panel-step]");
    const close = event.target.closest("[data-panel-close]");
    if (!step && !close) return;
    event.preventDefault();
    if (close) shut(true);
    else go(Number(step.dataset.panelStep));
  });
  addEventListener("popstate", () => {
    const digest = new URL(location.href).searchParams.get("image");
    const shot = digest && shots().find((one) => one.dataset.shot === digest);
    if (shot) open(shot, false);
    else shut(false);
  });
  if (!panel.hidden) mark(new URL(location.href).searchParams.get("image"));
}

function shots() {
  return [...grid.querySelectorAll("[data-shot]")];
}

function current() {
  return shots().findIndex((shot) => shot.getAttribute("aria-current") === "true");
}

async function open(shot, isNew) {
  const digest = shot.dataset.shot;
  wanted = digest;
  if (isNew) {
    if (panel.hidden) history.pushState(null, "", shot.href);
    else history.replaceState(null, "", shot.href);
  }
  panel.dataset.waiting = "loading";
  const answer = await fetch(`/images/${digest}/panel`).catch(() => null);
  if (wanted !== digest) return;
  delete panel.dataset.waiting;
  if (!answer?.ok) {
    location.assign(shot.href);
    return;
  }
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  panel.replaceChildren(...part.body.childNodes);
  panel.hidden = false;
  panel.scrollTop = 0;
  attachIn(panel);
  mark(digest);
}

function mark(digest) {
  const all = shots();
  const place = all.findIndex((shot) => shot.dataset.shot === digest);
  for (const shot of all) shot.removeAttribute("aria-current");
  const shown = all[place];
  shown?.setAttribute("aria-current", "true");
  shown?.scrollIntoView({ block: "nearest" });
  step(-1, place > 0);
  step(1, place >= 0 && (place < all.length - 1 || Boolean(following())));
}

function step(by, possible) {
  const link = panel.querySelector(`[data-panel-step="${by}"]`);
  if (link) link.hidden = !possible;
}

function following() {
  return document.querySelector("[data-following]");
}

async function go(by) {
  const place = current();
  if (place < 0 || place + by < 0) return;
  if (place + by === shots().length) await more();
  const shot = shots()[place + by];
  if (shot) open(shot, true);
}

// The next page's pictures, put behind those that are here.
async function more() {
  const link = following();
  if (!link) return;
  const answer = await fetch(link.href).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  grid.append(...page.querySelectorAll("[data-shots] > li"));
  const next = page.querySelector("[data-following]");
  if (next) link.href = next.getAttribute("href");
  else link.remove();
}

function shut(isNew) {
  if (panel.hidden) return;
  const shot = shots()[current()];
  panel.hidden = true;
  panel.replaceChildren();
  wanted = "";
  shot?.removeAttribute("aria-current");
  shot?.focus({ preventScroll: true });
  if (isNew) history.pushState(null, "", panel.dataset.panelBack);
}
