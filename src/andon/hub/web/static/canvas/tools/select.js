// Chooses shapes, moves them and their corners; the keyboard moves and deletes the chosen one.
import { choose, moveCorner, moveShape, remember, remove } from "../state.js";

export const hint = "Press a shape to choose it, drag it or its corners. Arrows move it, Delete removes it.";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 10;

export function down(state, point, near, target) {
  const index = Number(target?.dataset.shape ?? -1);
  choose(state, index);
  if (index < 0) return;
  const corner = target.dataset.corner;
  state.held = { index, corner: corner === undefined ? null : Number(corner), last: point, moved: false };
}

export function move(state, point) {
  const held = state.held;
  if (!held) return;
  if (!held.moved) remember(state);
  held.moved = true;
  if (held.corner !== null) moveCorner(state, held.index, held.corner, point);
  else moveShape(state, held.index, [point[0] - held.last[0], point[1] - held.last[1]]);
  held.last = point;
}

export function up(state) {
  state.held = null;
}

export function key(state, name, far) {
  if (state.chosen < 0) return false;
  if (name === "Delete" || name === "Backspace") remove(state, state.chosen);
  else if (name === "Escape") choose(state, -1);
  else if (STEPS[name]) {
    remember(state);
    moveShape(state, state.chosen, STEPS[name].map((step) => step * (far ? FAR : 1)));
  } else return false;
  return true;
}
