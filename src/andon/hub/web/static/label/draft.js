// What was drawn on a picture and not saved yet stays in the browser, whatever happens to the page.
const KEY = "andon.label-draft.";
const MOST = 50;

export function keep(image, mark, shapes) {
  localStorage.setItem(KEY + image, JSON.stringify({ mark, shapes, at: Date.now() }));
  forgetOldest();
}

// The shapes that were left, and whether somebody labelled the picture since (`late`); null where none were.
export function left(image, mark) {
  const text = localStorage.getItem(KEY + image);
  if (!text) return null;
  const draft = JSON.parse(text);
  return { shapes: draft.shapes, late: draft.mark !== mark };
}

export function drop(image) {
  localStorage.removeItem(KEY + image);
}

function forgetOldest() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(KEY));
  if (keys.length <= MOST) return;
  const age = (key) => JSON.parse(localStorage.getItem(key)).at;
  keys.sort((a, b) => age(a) - age(b)).slice(0, keys.length - MOST).forEach((key) => localStorage.removeItem(key));
}
