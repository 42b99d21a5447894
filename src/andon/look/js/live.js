// <section id="lines" data-live="stations inspections">: drawn anew from the page's own address when one of
// these nouns was written to, at most once in REST_MS. <p data-updated> says when that last happened.
// The element keeps its id; behaviours are attached to the new one. Other modules may listen for
// "andon:change" on document (event.detail.nouns) and "andon:renewed" on the element.
// A word that names nothing comes when nothing was written for a while; time passed, so all is drawn anew:
// a station that fell silent writes nothing.
import { attachIn } from "./attach.js";

const REST_MS = 1000;
const AGAIN_MS = 3000;
const waiting = new Set();
let resting = false;
let source = null;
let missed = true; // what was written between the drawing of the page and the first word
let greeted = false;

if (live().length) {
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", () => source ?? listen());
  listen();
}

// Only pages that somebody sees listen: a browser holds a handful of connections to one address.
function listen() {
  if (source !== null || document.hidden) return;
  source = new EventSource("/api/events");
  source.addEventListener("change", (event) => heard(JSON.parse(event.data)));
  source.addEventListener("error", lost);
}

function leave() {
  source?.close();
  source = null;
  missed = true;
}

function heard({ nouns, at }) {
  const all = missed || (greeted && !nouns.length);
  for (const element of live()) {
    if (all || element.dataset.live.split(" ").some((noun) => nouns.includes(noun))) waiting.add(element.id);
  }
  missed = false;
  greeted = true;
  for (const place of document.querySelectorAll("[data-updated]")) {
    delete place.dataset.lost;
    place.textContent = `Live, last word ${new Date(at).toLocaleTimeString("en-GB")}`;
  }
  if (nouns.length) document.dispatchEvent(new CustomEvent("andon:change", { detail: { nouns } }));
  renewSoon();
}

function lost() {
  missed = true;
  for (const place of document.querySelectorAll("[data-updated]")) {
    place.dataset.lost = "";
    place.textContent = "The hub does not answer. This page shows what was known before.";
  }
  // A browser gives up on an address that answered wrongly once; a hub that starts anew does that.
  if (source?.readyState !== EventSource.CLOSED) return;
  source = null;
  setTimeout(listen, AGAIN_MS);
}

function live() {
  return [...document.querySelectorAll("[data-live][id]")];
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
  const wanted = [...waiting].filter((id) => !isInUse(document.getElementById(id)));
  if (!wanted.length || document.hidden) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of wanted) {
    const old = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (isInUse(old)) continue; // somebody began to type while the page was on its way
    waiting.delete(id);
    if (old && fresh) replace(old, fresh);
  }
}

// Nothing is taken away from under somebody's hands: a field with the cursor, words not sent yet, a dialog.
// A dialog may stand anywhere in the page and ask about a form of this element.
function isInUse(element) {
  if (!element) return false;
  const fields = [...element.querySelectorAll("input, select, textarea")];
  return fields.some((field) => field === document.activeElement || isChanged(field)) || document.querySelector("dialog[open]") !== null;
}

function isChanged(field) {
  if (field.matches("select")) return false;
  return field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
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
