// Words that come and go: say("Saved"), say("Not saved", "The disk is full").
const SHOWN_MS = 6000;

export function say(message, todo = "") {
  const place = document.querySelector("[data-toasts]");
  if (!place) return;
  const toast = document.createElement("div");
  toast.className = "toast";
  const what = document.createElement("strong");
  what.textContent = message;
  toast.append(what, todo);
  place.append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS);
}
