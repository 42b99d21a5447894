// The two cuts of every concept: fields, handles on the chart, and what they do to the calibration group.
import { ask } from "../look/ask.js";
import { say } from "../look/toast.js";
import { element } from "../canvas/svg.js";
import { HEIGHT, draw, scoreAt } from "./chart.js";
import { cost, count, curves, verdicts } from "./decide.js";

const COSTS = ["escape", "overkill", "review", "defect_percent"];
const PLACES = 160;
const FEWER_PLACES = 50;
const MANY_PARTS = 2000;
const STEP = 0.001;
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -50, PageUp: 50 };
const SETTLED_MS = 250;

export function attachCuts(form, { group, floor }) {
  if (!group) return;
  const panels = [...form.querySelectorAll("[data-cuts]")].map((place) => panelOf(form, place, group));
  const state = { cuts: panels.map(readCuts), active: panels.map(() => "reject"), floor };

  const render = () => {
    const costs = costsOf(form);
    panels.forEach((panel, place) => renderPanel(panel, place, state, group, costs));
    tell(form.querySelector("[data-rates]"), count(group, verdicts(group, state.cuts)), costs, group);
  };
  let drawing = 0;
  const changed = () => {
    panels.forEach((panel, place) => writeCuts(panel, state.cuts[place]));
    cancelAnimationFrame(drawing);
    drawing = requestAnimationFrame(render);
    form.dispatchEvent(new Event("andon:cuts"));
  };
  panels.forEach((panel, place) => attachPanel(panel, place, state, changed));
  form.addEventListener("input", (event) => {
    if (event.target.name?.startsWith("cost_")) render();
    const place = panels.findIndex((panel) => panel.place.contains(event.target));
    if (place < 0) return;
    state.cuts[place] = readCuts(panels[place]);
    render();
    form.dispatchEvent(new Event("andon:cuts"));
  });
  attachCheapest(form, (found) => {
    panels.forEach((panel, place) => { state.cuts[place] = found[panel.concept] ?? state.cuts[place]; });
    changed();
  });
  attachBound(form);
  new ResizeObserver(render).observe(panels[0].chart);
  render();
}

function costsOf(form) {
  return Object.fromEntries(COSTS.map((name) => [name, Number(form.elements[`cost_${name}`].value)]));
}

function attachCheapest(form, take) {
  form.querySelector("[data-cheapest-place]").hidden = false;
  const button = form.querySelector("[data-cheapest]");
  button.addEventListener("click", async () => {
    const { defect_percent: percent, ...costs } = costsOf(form);
    button.disabled = true;
    try {
      take(await ask("POST", `/api/models/${form.elements.model.value}/suggestions`, { ...costs, defect_rate: percent / 100 }));
    } catch (problem) {
      say(problem.message, problem.todo);
    }
    button.disabled = false;
  });
}

function panelOf(form, place, group) {
  const chart = place.querySelector("[data-chart]");
  const svg = chart.appendChild(element("svg", { class: "cut-chart", role: "group", "aria-label": `Scores of ${place.dataset.cuts}` }));
  svg.classList.add(`hue-${place.dataset.hue}`);
  return { place, chart, svg, concept: place.dataset.cuts, index: group.concepts.indexOf(place.dataset.cuts) };
}

function readCuts({ place }) {
  const value = (name) => Number(place.querySelector(`[name=cut_${name}]`).value);
  return { review: value("review"), reject: Math.max(value("review"), value("reject")) };
}

function writeCuts({ place }, cuts) {
  for (const name of ["review", "reject"]) place.querySelector(`[name=cut_${name}]`).value = cuts[name];
}

function renderPanel(panel, place, state, group, costs) {
  const width = Math.max(260, panel.chart.clientWidth);
  const focused = panel.svg.contains(document.activeElement) ? document.activeElement.dataset.cut : null;
  const mine = (has) => group.scores.filter((_, part) => group.truth[part].includes(panel.index) === has).map((scores) => scores[panel.index]);
  const steps = group.scores.length > MANY_PARTS ? FEWER_PLACES : PLACES;
  const places = Array.from({ length: steps + 1 }, (_, step) => step / steps);
  panel.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  panel.svg.setAttribute("height", HEIGHT);
  panel.svg.replaceChildren(...draw({
    concept: panel.concept, width, good: mine(false), bad: mine(true), cuts: state.cuts[place], active: state.active[place],
    curves: curves(group, state.cuts, panel.index, state.active[place], costs, places),
  }));
  if (focused) panel.svg.querySelector(`[data-cut=${focused}]`).focus({ preventScroll: true });
}

function attachPanel(panel, place, state, changed) {
  let held = null;
  const moveTo = (name, value) => {
    state.active[place] = name;
    state.cuts[place] = moved(state.cuts[place], name, Math.max(value, state.floor));
    changed();
  };
  panel.svg.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-cut]");
    if (!grip || event.button !== 0) return;
    event.preventDefault();
    held = grip.dataset.cut;
    panel.svg.setPointerCapture(event.pointerId);
    grip.focus({ preventScroll: true });
    state.active[place] = held;
    changed();
  });
  panel.svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    const frame = panel.svg.getBoundingClientRect();
    moveTo(held, Math.min(1, scoreAt(event.clientX - frame.left, frame.width)));
  });
  for (const end of ["pointerup", "pointercancel"]) panel.svg.addEventListener(end, () => { held = null; });
  panel.svg.addEventListener("keydown", (event) => {
    const name = event.target.closest("[data-cut]")?.dataset.cut;
    if (!name || !STEPS[event.key]) return;
    event.preventDefault();
    moveTo(name, state.cuts[place][name] + STEPS[event.key] * STEP * (event.shiftKey ? 10 : 1));
  });
}

// One cut pushes the other along: review never lies above reject.
function moved(cuts, name, value) {
  const kept = Number(value.toFixed(5));
  if (name === "review") return { review: kept, reject: Math.max(kept, cuts.reject) };
  return { review: Math.min(kept, cuts.review), reject: kept };
}

function tell(place, counts, costs, group) {
  const share = (name, number, of) => `${name} ${number} of ${of}${of < 30 ? " (n < 30: too few to rely on)" : ""}`;
  const expected = cost(counts, costs);
  const words = [
    share("escapes", counts.escapes, counts.bad),
    share("overkill", counts.overkill, counts.good),
    share("good parts to review", counts.reviewedGood, counts.good),
  ];
  const price = expected === null ? "" : ` Expected cost of a part on the line: ${expected.toPrecision(3)}.`;
  place.textContent = `In the calibration group (${group.defective.length} parts): ${words.join(", ")}.${price} These parts choose, so the numbers are optimistic.`;
}

// The test group is shown on request. Cuts that are moved from then on are chosen with its bound in view.
function attachBound(form) {
  const place = form.querySelector("[data-bound]");
  const body = place.querySelector("[data-bound-body]");
  let waiting = 0;
  body.textContent = "";
  const fetchRates = async () => {
    body.dataset.waiting = "asking";
    const answer = await fetch("/drafts/rates", { method: "POST", body: new FormData(form) }).catch(() => null);
    delete body.dataset.waiting;
    if (!answer) {
      body.textContent = "The hub does not answer. Look whether it runs, then open this again.";
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    body.replaceChildren(document.importNode(page.querySelector("[data-fragment], .notice"), true));
  };
  place.addEventListener("toggle", () => {
    if (!place.open) return;
    place.dataset.seen = "";
    fetchRates();
  });
  form.addEventListener("andon:cuts", () => {
    if (!("seen" in place.dataset)) return;
    form.elements.bound_in_view.value = "yes";
    if (!place.open) return;
    clearTimeout(waiting);
    waiting = setTimeout(fetchRates, SETTLED_MS);
  });
}
