// Draws the state over the picture: one function, called after every change.
import { BOXES } from "./state.js";
import { element } from "./svg.js";

const CORNER = 6;
const REACH = 22;

// `scale` is pixels of the picture a pixel of the screen: handles keep their size.
export function render(state, svg, scale) {
  svg.setAttribute("viewBox", `0 0 ${state.size.width} ${state.size.height}`);
  svg.dataset.tool = state.tool;
  const shapes = state.shapes.flatMap((shape, index) => (shape.points.length ? [drawn(shape, index, state.chosen === index)] : []));
  shapes.sort((a, b) => extent(state, b) - extent(state, a));
  svg.replaceChildren(...shapes, ...open(state, scale), ...corners(state, scale));
}

// Larger shapes lie below smaller ones, so that each can be pressed.
function extent(state, group) {
  const { points } = state.shapes[Number(group.firstChild.dataset.shape)];
  const sides = [0, 1].map((axis) => points.map((point) => point[axis]));
  return sides.map((values) => Math.max(...values) - Math.min(...values)).reduce((a, b) => a * b);
}

function drawn(shape, index, chosen) {
  const d = outline(shape.points, shape.kind !== "length");
  const group = element("g", { class: `shape shape-${shape.kind}${chosen ? " shape-chosen" : ""}${shape.hue ? ` hue-${shape.hue}` : ""}` });
  for (const part of ["halo", "face"]) group.append(element("path", { d, class: part, "data-shape": index }));
  return group;
}

function open(state, scale) {
  const points = BOXES.has(state.tool) || state.tool === "length" ? state.open : [...state.open, ...(state.open.length && state.pointer ? [state.pointer] : [])];
  if (!points.length) return [];
  const closed = BOXES.has(state.tool);
  const line = element("g", { class: `shape shape-${state.tool} shape-open` });
  for (const part of ["halo", "face"]) line.append(element("path", { d: outline(points, closed), class: part }));
  const first = state.open[0];
  return [line, element("circle", { cx: first[0], cy: first[1], r: CORNER * scale, class: "corner" })];
}

function corners(state, scale) {
  const shape = state.shapes[state.chosen];
  if (!shape) return [];
  return shape.points.flatMap(([cx, cy], corner) => {
    const told = { "data-shape": state.chosen, "data-corner": corner };
    return [
      element("circle", { cx, cy, r: CORNER * scale, class: "corner", ...told }),
      element("circle", { cx, cy, r: REACH * scale, class: "corner-reach", ...told }),
    ];
  });
}

function outline(points, closed) {
  return `M${points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}${closed ? "Z" : ""}`;
}
