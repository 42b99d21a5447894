// Between the form's fields and shapes: the form is what is sent, and what works without script.

export function read(form) {
  const shapes = [];
  for (const [kind, name] of [["region", "regions"], ["ignore", "ignore"]]) {
    for (const line of form.elements[name].value.split("\n")) {
      const points = pairs(line);
      if (points.length >= 3) shapes.push({ kind, points, row: null });
    }
  }
  for (const rule of form.querySelectorAll("[data-rule]")) {
    const points = pairs(rule.querySelector("[name=rule_within]").value);
    if (points.length >= 3) shapes.push({ kind: "zone", points, row: rule.dataset.rule });
  }
  if (form.elements.locate_how && form.elements.locate_how.value !== "none") shapes.push(template(form));
  return shapes;
}

export function write(form, state) {
  form.elements.regions.value = lines(state, "region");
  form.elements.ignore.value = lines(state, "ignore");
  for (const rule of form.querySelectorAll("[data-rule]")) {
    const zone = state.shapes.find((shape) => shape.kind === "zone" && shape.row === rule.dataset.rule);
    rule.querySelector("[name=rule_within]").value = zone ? line(zone.points) : "";
  }
  writeTemplate(form, state.shapes.find((shape) => shape.kind === "locate"));
  const length = state.shapes.find((shape) => shape.kind === "length");
  const drawn = form.querySelector("[data-known=pixels]");
  if (drawn) drawn.value = length ? round(Math.hypot(...difference(length.points))) : "";
}

function template(form) {
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(form.elements[`locate_${name}`].value));
  const points = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
  return { kind: "locate", points, row: null, kept: line(points) };
}

// A template that was not touched is kept; one that was drawn or moved is cut from the picture below it.
function writeTemplate(form, shape) {
  const how = form.elements.locate_how;
  if (!how) return;
  const kept = shape?.kept !== undefined && shape.kept === line(shape.points);
  how.value = !shape ? "none" : kept ? "keep" : "cut";
  if (!shape) return;
  const xs = shape.points.map(([x]) => x);
  const ys = shape.points.map(([, y]) => y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  const sides = { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
  for (const [name, value] of Object.entries(sides)) form.elements[`locate_${name}`].value = Math.round(value);
  if (!kept && shape.picture) form.elements.locate_picture.value = shape.picture;
}

function lines(state, kind) {
  return state.shapes.filter((shape) => shape.kind === kind).map((shape) => line(shape.points)).join("\n");
}

function line(points) {
  return points.flat().map(round).join(" ");
}

function pairs(text) {
  const numbers = text.trim().split(/\s+/).filter(Boolean).map(Number);
  if (numbers.some(Number.isNaN) || numbers.length % 2) return [];
  return Array.from({ length: numbers.length / 2 }, (_, index) => [numbers[2 * index], numbers[2 * index + 1]]);
}

function difference([[x1, y1], [x2, y2]]) {
  return [x2 - x1, y2 - y1];
}

function round(value) {
  return Math.round(value * 10) / 10;
}
