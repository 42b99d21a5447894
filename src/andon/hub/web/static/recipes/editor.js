// The recipe editor: joins the state, the tools and the form. See canvas/state.js for what is drawn.
import { onAttach } from "../look/attach.js";
import { attachPointer, scaleOf } from "../canvas/pointer.js";
import { render } from "../canvas/render.js";
import { begin, redo, take, undo } from "../canvas/state.js";
import { element } from "../canvas/svg.js";
import { attachCalibration } from "./calibration.js";
import { attachCuts } from "./cuts.js";
import * as fields from "./fields.js";
import { attachPreview } from "./preview.js";
import { attachRules } from "./rules.js";
import { listShapes } from "./shape_list.js";
import { TOOLS } from "./tools/index.js";

onAttach("form[data-draft]", (form) => {
  const data = JSON.parse(form.querySelector("[data-draft-data]").textContent);
  attachCuts(form, data);
  attachPreview(form);
  const canvas = form.querySelector("[data-canvas]");
  const drawing = canvas ? attachDrawing(form, canvas) : null;
  attachRules(form, drawing);
  attachCalibration(form);
});

function attachDrawing(form, canvas) {
  for (const [place, rule] of form.querySelectorAll("[data-rule]").entries()) rule.dataset.rule = `given-${place}`;
  const svg = canvas.appendChild(element("svg", { class: "canvas-shapes" }));
  const size = { width: Number(canvas.dataset.width), height: Number(canvas.dataset.height) };
  const state = begin(size, canvas.dataset.image, fields.read(form));
  const drawing = { state, changed };

  function changed() {
    render(state, svg, scaleOf(state, svg));
    fields.write(form, state);
    listShapes(form, state, changed);
    showTools(form, state);
    form.dispatchEvent(new Event("andon:drawn"));
  }

  attachPointer(svg, canvas, { state, tools: TOOLS, changed });
  attachKeys(form, canvas, state, changed);
  attachButtons(form, state, changed);
  attachPictures(form, canvas, state, changed);
  for (const name of ["regions", "ignore"]) form.elements[name].addEventListener("change", reread);
  form.elements.locate_how?.addEventListener("change", reread);
  function reread() {
    state.shapes = [...fields.read(form), ...state.shapes.filter((shape) => shape.kind === "length")];
    changed();
  }
  new ResizeObserver(() => render(state, svg, scaleOf(state, svg))).observe(canvas);
  form.querySelector("[data-coordinates]").open = false;
  for (const name of ["tools", "shapes"]) form.querySelector(`[data-${name}]`).hidden = false;
  changed();
  return drawing;
}

function attachKeys(form, canvas, state, changed) {
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!TOOLS[state.tool].key(state, event.key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
    changed();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input, textarea, select")) return;
    const name = event.key.toLowerCase();
    const back = name === "z" && !event.shiftKey;
    if (!back && name !== "y" && name !== "z") return;
    event.preventDefault();
    (back ? undo : redo)(state);
    changed();
  });
}

function attachButtons(form, state, changed) {
  form.querySelector("[data-tools]").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.tool) take(state, button.dataset.tool);
    else if ("undo" in button.dataset) undo(state);
    else redo(state);
    changed();
  });
}

function attachPictures(form, canvas, state, changed) {
  form.querySelector(".draw-choices")?.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-picture]");
    if (!choice || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    state.size = { width: Number(choice.dataset.width), height: Number(choice.dataset.height) };
    Object.assign(canvas.querySelector("img"), { src: `/api/images/${choice.dataset.picture}/picture`, ...state.size });
    state.image = choice.dataset.picture;
    changed();
  });
}

function showTools(form, state) {
  for (const button of form.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === state.tool));
  }
  form.querySelector("[data-undo]").disabled = !state.past.length;
  form.querySelector("[data-redo]").disabled = !state.future.length;
  form.querySelector("[data-hint]").textContent = TOOLS[state.tool].hint;
}
