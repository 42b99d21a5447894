// The Label page: one picture, what the model proposes on it, keys to accept or fix it, and on to the next.
import { onAttach } from "../look/attach.js";
import { ask } from "../look/ask.js";
import { say } from "../look/toast.js";
import { attachPointer, scaleOf } from "../canvas/pointer.js";
import { render } from "../canvas/render.js";
import { begin, choose, remember, take, undo } from "../canvas/state.js";
import { element } from "../canvas/svg.js";
import * as box from "../canvas/tools/box.js";
import * as polygon from "../canvas/tools/polygon.js";
import * as select from "../canvas/tools/select.js";
import * as draft from "./draft.js";
import { listLabels } from "./label_list.js";
import { hueOf, labelsOf, shapesOf } from "./labels.js";
import { stopwatch } from "./timing.js";

const TOOLS = { select, box, polygon };
const HEIGHT_VH = 58;

onAttach("form[data-label]", (form) => {
  const sheet = JSON.parse(form.querySelector("[data-label-sheet]").textContent);
  const canvas = form.querySelector("[data-canvas]");
  const svg = canvas.querySelector("svg");
  const kept = draft.left(sheet.image, sheet.mark);
  const state = begin({ width: sheet.width, height: sheet.height }, sheet.image, shapesOf(sheet));
  const labelling = { form, sheet, state, changed, seconds: stopwatch(), saved: false };
  if (kept) {
    remember(state);
    state.shapes = kept.shapes;
    const what = kept.late ? "Somebody labelled the picture meanwhile; Undo gives what they said." : "It was not saved last time; Undo gives what was there.";
    say("Your drawing is back", what);
  }
  useConcept(labelling, sheet.concepts[0]);

  function changed() {
    render(state, svg, scaleOf(state, svg));
    listLabels(form, state, changed);
    showState(labelling);
    if (state.past.length && !labelling.saved) draft.keep(sheet.image, sheet.mark, state.shapes);
  }

  attachPointer(svg, canvas, { state, tools: TOOLS, changed });
  attachKeys(canvas, state, changed);
  form.addEventListener("click", (event) => pressed(labelling, event.target.closest("button")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const action = event.submitter?.value ?? "accept";
    if (event.submitter?.name === "action") save(labelling, action);
  });
  new ResizeObserver(() => render(state, svg, scaleOf(state, svg))).observe(canvas);
  for (const place of form.querySelectorAll("[data-scripted]")) place.hidden = false;
  // As large as the window lets it be, whatever its shape.
  canvas.style.width = `min(100%, ${((HEIGHT_VH * sheet.width) / sheet.height).toFixed(2)}vh)`;
  if (sheet.following) new Image().src = `/api/images/${sheet.following}/picture`;
  canvas.focus({ preventScroll: true });
  changed();
});

function pressed(labelling, button) {
  if (!button) return;
  const { state, changed } = labelling;
  if (button.dataset.concept) return named(labelling, button.dataset.concept);
  if (button.dataset.tool) take(state, button.dataset.tool);
  else if ("undo" in button.dataset) undo(state);
  else return;
  changed();
}

// A concept's key: what is drawn next, or what the chosen label is, or that the whole image shows it.
function named(labelling, concept) {
  const { state, sheet, changed } = labelling;
  const isDrawing = state.tool !== "select";
  useConcept(labelling, concept);
  const chosen = state.shapes[state.chosen];
  if (chosen) {
    remember(state);
    Object.assign(chosen, { concept, hue: hueOf(sheet, concept) });
  } else if (!isDrawing) whole(state, concept, hueOf(sheet, concept));
  changed();
}

function whole(state, concept, hue) {
  remember(state);
  const place = state.shapes.findIndex((shape) => shape.kind === "image" && shape.concept === concept);
  if (place >= 0) state.shapes.splice(place, 1);
  else state.shapes.push({ kind: "image", points: [], concept, hue });
  choose(state, -1);
}

function useConcept({ state, sheet }, concept) {
  state.facts = { concept, hue: hueOf(sheet, concept) };
}

async function save(labelling, action) {
  const { form, sheet, state, seconds } = labelling;
  if (labelling.saved) return;
  labelling.saved = true;
  form.dataset.waiting = "Saving";
  const labels = action === "accept" ? labelsOf(state.shapes) : [];
  const work = { image: sheet.image, labels, mark: sheet.mark, selection: sheet.selection, seconds: seconds(), skipped: action === "skip" };
  try {
    await ask("POST", "/api/labels", work);
  } catch (problem) {
    labelling.saved = false;
    delete form.dataset.waiting;
    say(problem.message, problem.todo || "What you drew is kept.");
    return;
  }
  if (action !== "skip") draft.drop(sheet.image);
  location.assign(sheet.next);
}

function attachKeys(canvas, state, changed) {
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!TOOLS[state.tool].key(state, event.key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
    changed();
  });
}

function showState({ form, state, sheet }) {
  for (const button of form.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === state.tool));
  for (const button of form.querySelectorAll("[data-concept]")) button.setAttribute("aria-pressed", String(button.dataset.concept === state.facts.concept));
  form.querySelector("[data-undo]").disabled = !state.past.length;
  form.querySelector("[data-hint]").textContent = TOOLS[state.tool].hint;
  const number = state.shapes.length;
  const what = !number ? "clean" : number === 1 ? "1 label" : `${number} labels`;
  form.querySelector("[data-accept-words]").textContent = `${state.past.length || !sheet.proposed ? "Save" : "Accept"} ${what}`;
}
