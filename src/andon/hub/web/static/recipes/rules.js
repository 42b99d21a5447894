// Rows of rules: add one, remove one, draw its zone on the picture.
import { remove, removeRow, take } from "../canvas/state.js";

export function attachRules(form, drawing) {
  const rows = form.querySelector("[data-rules]");
  const spare = rows.lastElementChild;
  spare.remove();
  let made = 0;

  const add = () => {
    const row = spare.cloneNode(true);
    made += 1;
    row.dataset.rule = `made-${made}`;
    rows.append(row);
    equip(row);
    row.querySelector("select").focus();
  };
  const equip = (row) => {
    row.querySelector("[data-rule-tools]").hidden = false;
    row.querySelector("[data-draw-zone]").hidden = !drawing;
  };
  for (const row of rows.children) equip(row);
  const button = form.querySelector("[data-add-rule-place]");
  button.hidden = false;
  button.addEventListener("click", add);
  rows.addEventListener("click", (event) => {
    const row = event.target.closest("[data-rule]");
    if (event.target.closest("[data-draw-zone]")) drawZone(form, drawing, row.dataset.rule);
    if (event.target.closest("[data-remove-rule]")) {
      row.remove();
      if (drawing) removeRow(drawing.state, row.dataset.rule);
      drawing?.changed();
    }
  });
  rows.addEventListener("change", (event) => {
    if (event.target.matches("[name=rule_within]") && !event.target.value.trim() && drawing) {
      const row = event.target.closest("[data-rule]").dataset.rule;
      remove(drawing.state, drawing.state.shapes.findIndex((shape) => shape.row === row));
      drawing.changed();
    }
  });
}

function drawZone(form, drawing, row) {
  take(drawing.state, "zone", row);
  drawing.changed();
  const canvas = form.querySelector("[data-canvas]");
  canvas.scrollIntoView({ block: "center" });
  canvas.focus({ preventScroll: true });
}
