// <section data-held="INSPECTION">: the part on the desk. It changes when somebody answered or asked for the
// next one, or when it was empty and a part came; never by itself under somebody's finger.
const desk = document.querySelector("[data-held]");
const card = desk.querySelector("[data-held-card]");
const said = desk.querySelector("[data-said]");
let busy = false;

document.addEventListener("andon:held", () => {
  if (busy) return;
  if (!desk.dataset.held) show("");
  else if (!card.querySelector("[data-following]")) offerNext();
});

// A part came behind the one on the desk: only the way to it is added, nothing moves.
async function offerNext() {
  const part = desk.dataset.held;
  const html = await fetched(part);
  if (html?.part !== part || desk.dataset.held !== part) return;
  const made = document.createElement("template");
  made.innerHTML = html.text;
  const link = made.content.querySelector("[data-following]");
  if (link && !card.querySelector("[data-following]")) card.querySelector(".held-why")?.append(document.importNode(link, true));
}

desk.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-review]");
  if (!form) return;
  event.preventDefault();
  if (busy) return;
  busy = true;
  const following = card.querySelector("[data-following]");
  const next = following ? new URL(following.href).searchParams.get("part") : "";
  try {
    const answer = await fetch("/api/reviews", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ inspection: form.inspection.value, answer: event.submitter.value }),
    });
    const told = await answer.json();
    said.textContent = told.message;
    desk.toggleAttribute("data-refused", !answer.ok);
    if (answer.ok || answer.status === 404) await show(next);
  } catch {
    said.textContent = desk.dataset.away; // the part stays on the desk
    desk.toggleAttribute("data-refused", true);
  } finally {
    busy = false;
  }
});

desk.addEventListener("click", (event) => {
  const following = event.target.closest("[data-following]");
  if (!following) return;
  event.preventDefault();
  said.textContent = "";
  show(new URL(following.href).searchParams.get("part"));
});

async function show(part) {
  const html = await fetched(part);
  if (!html) return;
  if (part && !html.part) {
    await show("");
    return;
  }
  card.innerHTML = html.text;
  desk.dataset.held = html.part;
}

async function fetched(part) {
  const language = document.documentElement.lang;
  const answer = await fetch(`/held?${new URLSearchParams({ part, language })}`);
  return answer.ok ? { text: await answer.text(), part: answer.headers.get("x-part") } : null;
}
