// Draws a polygon: a press sets a corner, the first corner or Enter closes it; a drag draws a rectangle.
import { add, box } from "../state.js";

export const hint = "Press to set corners, press the first one or Enter to close; or drag a rectangle. Backspace takes the last corner back, Escape gives up.";

export function down(state, point, near) {
  if (state.open.length >= 3 && near(point, state.open[0])) return add(state, state.tool, state.open);
  state.held = { from: point };
  state.open.push(point);
}

export function move(state, point) {
  state.pointer = point;
}

export function up(state, point, near) {
  const from = state.held?.from;
  state.held = null;
  if (from && state.open.length === 1 && !near(from, point)) add(state, state.tool, box(from, point));
}

export function key(state, name) {
  if (name === "Enter" && state.open.length >= 3) add(state, state.tool, state.open);
  else if (name === "Backspace" || name === "Delete") state.open.pop();
  else if (name === "Escape") state.open = [];
  else return false;
  return true;
}
