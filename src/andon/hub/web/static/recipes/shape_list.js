// The list beside the picture: every shape can be chosen and deleted without a pointer.
import { choose, remove, take } from "../canvas/state.js";

const NAMES = { region: "Region", ignore: "Ignored", zone: "Zone", locate: "Template", length: "Length" };

export function listShapes(form, state, changed) {
  const list = form.querySelector("[data-shape-list]");
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...state.shapes.map((shape, index) => item(state, shape, index, changed)));
  form.querySelector("[data-no-shapes]").hidden = state.shapes.some((shape) => shape.kind !== "length");
  if (focused >= 0) [...list.querySelectorAll("button")][Math.min(focused, list.children.length * 2 - 1)]?.focus();
}

function item(state, shape, index, changed) {
  const place = state.shapes.slice(0, index + 1).filter((other) => other.kind === shape.kind).length;
  const name = `${NAMES[shape.kind]} ${place}`;
  const row = document.createElement("li");
  const pick = document.createElement("button");
  pick.type = "button";
  pick.className = `small draw-pick draw-pick-${shape.kind}`;
  pick.textContent = `${name}: ${told(shape)}`;
  pick.setAttribute("aria-pressed", String(state.chosen === index));
  pick.addEventListener("click", () => {
    take(state, "select");
    choose(state, index);
    changed();
  });
  const away = document.createElement("button");
  away.type = "button";
  away.className = "small";
  away.textContent = "Delete";
  away.setAttribute("aria-label", `Delete ${name}`);
  away.addEventListener("click", () => {
    remove(state, index);
    changed();
  });
  row.append(pick, away);
  return row;
}

function told({ kind, points }) {
  if (kind === "length") return `${Math.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1]).toFixed(1)} px`;
  return `${points.length} corners`;
}
