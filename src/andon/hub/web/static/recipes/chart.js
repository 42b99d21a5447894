// Draws one concept's cuts: good parts and parts with the concept by score, below them escapes, overkill and
// cost over the cut; two handles go through all of it. Places are pixels of the screen.
import { element } from "../canvas/svg.js";

const BINS = 40;
const LEFT = 46, RIGHT = 14, TOP = 46, GRIP = 14, CROWDED = 58;
const BARS = 56, CURVES = 104, GAP = 26;
export const HEIGHT = TOP + 2 * BARS + CURVES + 3 * GAP;

const BOTTOM = HEIGHT - GAP;
const MARKS = { review: "M-3-2a3 3 0 1 1 4.3 2.7C.4 1.1 0 1.5 0 2.6M0 5v.01", reject: "M-3.5-3.5l7 7M3.5-3.5l-7 7" };

export function scoreAt(x, width) {
  return (x - LEFT) / (width - LEFT - RIGHT);
}

// view: { concept, width, good, bad, cuts, active, curves }
export function draw(view) {
  const x = (score) => LEFT + Math.min(Math.max(score, 0), 1) * (view.width - LEFT - RIGHT);
  return [
    ...bars(x, TOP, view.good, `without ${view.concept}, n = ${view.good.length}`, "bar-good"),
    ...bars(x, TOP + BARS + GAP, view.bad, `with ${view.concept}, n = ${view.bad.length}`, "bar-bad"),
    ...curveLines(x, TOP + 2 * (BARS + GAP), view),
    ...axis(x, view.width),
    handle(x, view, "review"),
    handle(x, view, "reject"),
  ];
}

function bars(x, top, scores, name, kind) {
  const counts = new Array(BINS).fill(0);
  for (const score of scores) counts[Math.min(BINS - 1, Math.floor(score * BINS))] += 1;
  const most = Math.max(1, ...counts);
  const drawn = counts.map((number, bin) => {
    const height = number ? Math.max(2, (BARS * number) / most) : 0;
    const width = x((bin + 1) / BINS) - x(bin / BINS) - 1;
    return element("rect", { x: x(bin / BINS), y: top + BARS - height, width: Math.max(1, width), height, class: kind });
  });
  return [
    element("text", { x: LEFT, y: top - 6, class: "chart-name" }, name),
    element("text", { x: LEFT - 6, y: top + 8, class: "chart-number" }, String(most)),
    element("path", { d: `M${x(0)} ${top + BARS}H${x(1)}`, class: "chart-axis" }),
    ...drawn,
  ];
}

function curveLines(x, top, view) {
  const dearest = Math.max(...view.curves.map((point) => point.cost ?? 0), 1e-12);
  const y = (share) => top + CURVES * (1 - share);
  const path = (value) => view.curves.filter((point) => point[value] !== null).map((point, index) => {
    const height = y(value === "cost" ? point.cost / dearest : point[value]);
    return index ? `H${x(point.t).toFixed(1)}V${height.toFixed(1)}` : `M${x(point.t).toFixed(1)} ${height.toFixed(1)}`;
  }).join("");
  return [
    element("text", { x: LEFT, y: top - 6, class: "chart-name" }, legend(view)),
    element("text", { x: LEFT - 6, y: top + 8, class: "chart-number" }, "100 %"),
    element("text", { x: LEFT - 6, y: top + CURVES, class: "chart-number" }, "0"),
    element("path", { d: `M${x(0)} ${top + CURVES}H${x(1)}`, class: "chart-axis" }),
    ...["escapes", "overkill", "cost"].map((value) => element("path", { d: path(value), class: `line-${value}` })),
  ];
}

function legend(view) {
  const short = view.width < 360;
  return short ? "— escapes  - - overkill  ··· cost" : `— escapes   - - overkill   ··· cost, ${view.active} cut here`;
}

function axis(x, width) {
  const ticks = width < 360 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  return ticks.map((tick) => element("text", { x: x(tick), y: HEIGHT - 6, class: "chart-tick" }, String(tick)));
}

function handle(x, view, name) {
  const value = view.cuts[name];
  const at = x(value);
  const left = name === "review" ? at > CROWDED : at > view.width - CROWDED;
  const said = `${name === "review" ? "Review" : "Reject"} from ${value.toFixed(3)}`;
  return element(
    "g",
    {
      class: `cut cut-${name}`, tabindex: 0, role: "slider", "data-cut": name, "aria-label": `${said}, ${view.concept}`,
      "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": Math.min(1, value).toFixed(4), "aria-valuetext": said,
    },
    element("path", { d: `M${at} ${GRIP}V${BOTTOM}`, class: "cut-reach" }),
    element("path", { d: `M${at} ${GRIP}V${BOTTOM}`, class: "cut-line" }),
    element("circle", { cx: at, cy: GRIP, r: 10, class: "cut-grip" }),
    element("path", { d: MARKS[name], transform: `translate(${at} ${GRIP})`, class: "cut-mark" }),
    element("text", { x: at + (left ? -15 : 15), y: GRIP + 4, class: `cut-value${left ? " cut-value-left" : ""}` }, value > 1 ? "never" : value.toFixed(3)),
  );
}
