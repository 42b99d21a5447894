// <section id="lines" data-live="stations inspections">: drawn anew from the page's own address when one of
// these nouns was written to, at most once in REST_MS. <p data-updated> says when that last happened.
// The element keeps its id; behaviours are attached to the new one. Other modules may listen for
// "andon:change" on document (event.detail.nouns) and "andon:renewed" on the element.
import { attachIn } from "./attach.js";

const REST_MS = 1000;
const waiting = new Set();
let resting = false;
let wasLost = false;

if (document.querySelector("[data-live], [data-live-listen]")) listen();

function listen() {
  const source = new EventSource("/api/events");
  source.addEventListener("change", (event) => {
    const { nouns, at } = JSON.parse(event.data);
    if (wasLost) {
      wasLost = false;
      live().forEach((element) => waiting.add(element.id));
    }
    seen(at);
    if (nouns.length) document.dispatchEvent(new CustomEvent("andon:change", { detail: { nouns } }));
    for (const element of live()) {
      if (element.dataset.live.split(" ").some((noun) => nouns.includes(noun))) waiting.add(element.id);
    }
    renewSoon();
  });
  source.addEventListener("error", () => {
    wasLost = true;
    for (const place of document.querySelectorAll("[data-updated]")) {
      place.dataset.lost = "";
      place.textContent = "The hub does not answer. This page shows what was known before.";
    }
    // A browser gives up on an address that answered wrongly once; a hub that starts anew does that.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
  addEventListener("pagehide", () => source.close());
}

function live() {
  return [...document.querySelectorAll("[data-live][id]")];
}

function seen(at) {
  for (const place of document.querySelectorAll("[data-updated]")) {
    delete place.dataset.lost;
    place.textContent = `Live, last word ${new Date(at).toLocaleTimeString("en-GB")}`;
  }
}

function renewSoon() {
  if (resting || !waiting.size) return;
  resting = true;
  renew().finally(() => {
    setTimeout(() => {
      resting = false;
      renewSoon();
    }, REST_MS);
  });
}

async function renew() {
  const wanted = [...waiting];
  waiting.clear();
  const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) {
    wanted.forEach((id) => waiting.add(id));
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of wanted) {
    const old = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (old && fresh && !isInUse(old)) replace(old, fresh);
    else if (old && fresh) waiting.add(id);
  }
}

// Nothing is taken away from under somebody's hands: a field with the cursor, an open dialog.
function isInUse(element) {
  const active = document.activeElement;
  return (element.contains(active) && active.matches("input, select, textarea")) || element.querySelector("dialog[open]");
}

function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  const open = new Set([...old.querySelectorAll("details[open][id]")].map((details) => details.id));
  const put = document.importNode(fresh, true);
  for (const details of put.querySelectorAll("details[id]")) details.open = open.has(details.id);
  old.replaceWith(put);
  attachIn(put);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  put.dispatchEvent(new CustomEvent("andon:renewed", { bubbles: true }));
}
