// Between what the hub says of a picture and the shapes of the drawing.
//
// A shape of a label is { kind: "polygon" | "box" | "image" | "mask", points, concept, hue, source? }.
import { box } from "../canvas/state.js";

export function shapesOf(sheet) {
  return sheet.labels.map(({ concept, geometry, source }) => {
    const { kind, points } = drawn(geometry);
    return { kind, points, concept, source, hue: hueOf(sheet, concept) };
  });
}

export function hueOf(sheet, concept) {
  return (Math.max(0, sheet.concepts.indexOf(concept)) % 8) + 1;
}

// What is sent: masks keep their place by naming their source.
export function labelsOf(shapes) {
  return shapes.map(({ kind, points, concept, source = null }) => ({ concept, source, geometry: geometryOf(kind, points) }));
}

function drawn(geometry) {
  if (geometry.kind === "box") {
    const { x, y, width, height } = geometry;
    return { kind: "box", points: box([x, y], [x + width, y + height]) };
  }
  if (geometry.kind === "polygon") return { kind: "polygon", points: geometry.points };
  return { kind: geometry.kind === "mask" ? "mask" : "image", points: [] };
}

function geometryOf(kind, points) {
  if (kind === "polygon") return { kind, points: points.map((point) => point.map(rounded)) };
  if (kind !== "box") return { kind: "wholeimage" };
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => rounded(point[axis])));
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { kind, x, y, width: rounded(Math.max(...xs) - x), height: rounded(Math.max(...ys) - y) };
}

function rounded(value) {
  return Math.round(value * 100) / 100;
}
