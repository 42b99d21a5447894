// Runs a behaviour on every element that a selector finds: now, and in parts of the page that arrive later.
const behaviours = [];

export function onAttach(selector, attach) {
  behaviours.push([selector, attach]);
  attachIn(document, [[selector, attach]]);
}

// Call with a part that was put into the page (its root counts too).
export function attachIn(root, wanted = behaviours) {
  for (const [selector, attach] of wanted) {
    if (root instanceof Element && root.matches(selector)) attach(root);
    for (const element of root.querySelectorAll(selector)) attach(element);
  }
}
