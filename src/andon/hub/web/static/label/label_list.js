// The list of what the picture shows: every label can be chosen and taken away without a pointer.
import { choose, remove, take } from "../canvas/state.js";

const NAMES = { polygon: "polygon", box: "box", image: "whole image", mask: "mask" };

export function listLabels(form, state, changed) {
  const list = form.querySelector("[data-label-list]");
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...state.shapes.map((shape, index) => item(state, shape, index, changed)));
  form.querySelector("[data-no-labels]").hidden = state.shapes.length > 0;
  if (focused >= 0) [...list.querySelectorAll("button")][Math.min(focused, list.children.length * 2 - 1)]?.focus();
}

function item(state, shape, index, changed) {
  const row = document.createElement("li");
  const pick = button(`label-pick hue-${shape.hue}`, "");
  pick.append(span("concept", shape.concept), span("muted", NAMES[shape.kind]));
  pick.setAttribute("aria-pressed", String(state.chosen === index));
  pick.addEventListener("click", () => {
    take(state, "select");
    choose(state, state.chosen === index ? -1 : index);
    changed();
  });
  const away = button("small", "Remove");
  away.setAttribute("aria-label", `Remove ${shape.concept}, ${NAMES[shape.kind]}`);
  away.addEventListener("click", () => {
    remove(state, index);
    changed();
  });
  row.append(pick, away);
  return row;
}

function button(look, text) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = look;
  made.textContent = text;
  return made;
}

function span(look, text) {
  const made = document.createElement("span");
  made.className = look;
  made.textContent = text;
  return made;
}
