// The one state of the drawing, and the functions that change it. Nothing here knows the page.
//
// A shape is { kind, points: [[x, y], ...], row?, picture?, ... } in pixels of the picture. Kinds of a recipe:
// region, ignore, zone (of the rule `row`), locate (four corners, `picture` is what it was drawn on), length
// (two ends). Kinds of a label: polygon, box (four corners), and, without points, image and mask. `facts` are what every new shape carries.
const STEPS_KEPT = 100;

// What is drawn from corner to corner, and stays upright.
export const BOXES = new Set(["locate", "box"]);

export function begin(size, image, shapes) {
  return { size, image, tool: "select", row: null, facts: {}, shapes, chosen: -1, open: [], pointer: null, held: null, past: [], future: [] };
}

export function choose(state, index) {
  state.chosen = index;
}

export function take(state, tool, row = null) {
  Object.assign(state, { tool, row, open: [], pointer: null, held: null });
  if (tool !== "select") state.chosen = -1;
}

// Keeps what is about to change, for undo.
export function remember(state) {
  state.past.push(copied(state.shapes));
  if (state.past.length > STEPS_KEPT) state.past.shift();
  state.future = [];
}

// There is one template, one known length, and one zone a rule: a new one takes the place of the old.
export function add(state, kind, points) {
  remember(state);
  const row = kind === "zone" ? state.row : null;
  const single = kind === "locate" || kind === "length" || kind === "zone";
  if (single) state.shapes = state.shapes.filter((shape) => shape.kind !== kind || shape.row !== row);
  state.shapes.push({ kind, points: points.map((point) => within(state, point)), row, picture: state.image, ...state.facts });
  take(state, "select");
  state.chosen = state.shapes.length - 1;
}

export function remove(state, index) {
  if (!state.shapes[index]) return;
  remember(state);
  state.shapes.splice(index, 1);
  state.chosen = -1;
}

// Rules that go take their zones along.
export function removeRow(state, row) {
  state.shapes = state.shapes.filter((shape) => shape.row !== row);
  state.chosen = -1;
}

export function moveCorner(state, index, corner, point) {
  const shape = state.shapes[index];
  const to = within(state, point);
  if (BOXES.has(shape.kind)) {
    shape.points = box(shape.points[(corner + 2) % 4], to);
    shape.picture = state.image;
  } else shape.points[corner] = to;
}

export function moveShape(state, index, by) {
  const shape = state.shapes[index];
  const { width, height } = state.size;
  const xs = shape.points.map(([x]) => x);
  const ys = shape.points.map(([, y]) => y);
  const dx = between(by[0], -Math.min(...xs), width - Math.max(...xs));
  const dy = between(by[1], -Math.min(...ys), height - Math.max(...ys));
  shape.points = shape.points.map(([x, y]) => [x + dx, y + dy]);
  if (shape.kind === "locate") shape.picture = state.image;
}

export function undo(state) {
  swap(state, state.past, state.future);
}

export function redo(state) {
  swap(state, state.future, state.past);
}

// Two opposite corners to four, in the order that `moveCorner` relies on: opposite ones are two apart.
export function box([x1, y1], [x2, y2]) {
  return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
}

export function within({ size }, [x, y]) {
  return [between(x, 0, size.width), between(y, 0, size.height)];
}

function swap(state, from, to) {
  if (!from.length) return;
  to.push(copied(state.shapes));
  state.shapes = from.pop();
  Object.assign(state, { chosen: -1, open: [], held: null });
}

function copied(shapes) {
  return structuredClone(shapes);
}

function between(value, low, high) {
  return Math.min(Math.max(value, low), Math.max(low, high));
}
