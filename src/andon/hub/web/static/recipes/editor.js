// The recipe editor: joins the state, the tools and the form. See state.js for what is drawn.
import { onAttach } from "../look/attach.js";
import { attachCalibration } from "./calibration.js";
import { attachCuts } from "./cuts.js";
import * as fields from "./fields.js";
import { attachPreview } from "./preview.js";
import { render } from "./render.js";
import { attachRules } from "./rules.js";
import { listShapes } from "./shape_list.js";
import { begin, redo, take, undo } from "./state.js";
import { element } from "./svg.js";
import { TOOLS } from "./tools/index.js";

const NEAR = 10;

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

  attachPointer(svg, canvas, state, changed);
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

function scaleOf(state, svg) {
  return state.size.width / Math.max(1, svg.getBoundingClientRect().width);
}

function attachPointer(svg, canvas, state, changed) {
  const near = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) <= NEAR * scaleOf(state, svg);
  const at = (event) => {
    const frame = svg.getBoundingClientRect();
    const scale = scaleOf(state, svg);
    return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    TOOLS[state.tool].down(state, at(event), near, event.target.closest("[data-shape]"));
    changed();
  });
  svg.addEventListener("pointermove", (event) => {
    TOOLS[state.tool].move(state, at(event), near);
    if (state.held || state.open.length) changed();
  });
  svg.addEventListener("pointerup", (event) => {
    TOOLS[state.tool].up(state, at(event), near);
    changed();
  });
  svg.addEventListener("pointercancel", () => {
    Object.assign(state, { held: null, open: [] });
    changed();
  });
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
