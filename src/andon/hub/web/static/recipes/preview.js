// Sends the form without leaving the page: the preview stands in it, a refusal says why, a save moves on.
import { attachIn } from "../look/attach.js";

export function attachPreview(form) {
  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    const address = button?.getAttribute("formaction") ?? form.getAttribute("action");
    if (address === "/drafts/rates") return;
    event.preventDefault();
    const isPreview = address === "/drafts/previews";
    button.disabled = true;
    button.dataset.waiting = "working";
    const problem = form.querySelector("[data-problem]");
    problem.hidden = true;
    try {
      await sent(form, address, isPreview ? form.querySelector("[data-preview]") : null);
    } catch (cause) {
      problem.replaceChildren(...told(cause));
      problem.hidden = false;
    }
    delete button.dataset.waiting;
    button.disabled = false;
  });
}

async function sent(form, address, place) {
  const answer = await fetch(address, { method: "POST", body: new FormData(form) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) throw Object.assign(new Error("refused"), { notice: page.querySelector(".notice, main") });
  if (!place) {
    location.assign(answer.url);
    return;
  }
  const fragment = document.importNode(page.querySelector("[data-fragment]"), true);
  place.replaceChildren(fragment);
  attachIn(fragment);
  fragment.scrollIntoView({ block: "nearest" });
}

function told(cause) {
  if (cause.notice) return [...cause.notice.querySelectorAll("p:not(.muted)")].map((line) => document.importNode(line, true));
  const line = document.createElement("p");
  line.textContent = "The hub does not answer. Look whether it runs, then try again.";
  return [line];
}
