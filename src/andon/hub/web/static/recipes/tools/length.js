// Draws a line whose length on the part is known: pixels per millimetre come from it.
import { add } from "../../canvas/state.js";

export const hint = "Drag from one end of a known length to the other, then say how many millimetres it has.";

export function down(state, point) {
  state.held = { from: point };
  state.open = [point, point];
}

export function move(state, point) {
  if (state.held) state.open = [state.held.from, point];
}

export function up(state, point, near) {
  const from = state.held?.from;
  state.held = null;
  state.open = [];
  if (from && !near(from, point)) add(state, state.tool, [from, point]);
}

export function key(state, name) {
  if (name !== "Escape") return false;
  Object.assign(state, { open: [], held: null });
  return true;
}
