// Draws a box by dragging from corner to corner.
import { add, box } from "../state.js";

export const hint = "Drag a box around it, from corner to corner.";

export function down(state, point) {
  state.held = { from: point };
  state.open = box(point, point);
}

export function move(state, point) {
  if (state.held) state.open = box(state.held.from, point);
}

export function up(state, point, near) {
  const from = state.held?.from;
  state.held = null;
  state.open = [];
  if (from && !near(from, point)) add(state, state.tool, ordered(from, point));
}

export function key(state, name) {
  if (name !== "Escape") return false;
  Object.assign(state, { open: [], held: null });
  return true;
}

function ordered([x1, y1], [x2, y2]) {
  return box([Math.min(x1, x2), Math.min(y1, y2)], [Math.max(x1, x2), Math.max(y1, y2)]);
}
