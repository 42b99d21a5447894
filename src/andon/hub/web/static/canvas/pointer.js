// Mouse, pen and finger on the drawing: every press, move and lift goes to the tool in hand.
const NEAR = 10;

// Pixels of the picture a pixel of the screen.
export function scaleOf(state, svg) {
  return state.size.width / Math.max(1, svg.getBoundingClientRect().width);
}

export function attachPointer(svg, canvas, { state, tools, changed }) {
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
    tools[state.tool].down(state, at(event), near, event.target.closest("[data-shape]"));
    changed();
  });
  svg.addEventListener("pointermove", (event) => {
    tools[state.tool].move(state, at(event), near);
    if (state.held || state.open.length) changed();
  });
  svg.addEventListener("pointerup", (event) => {
    tools[state.tool].up(state, at(event), near);
    changed();
  });
  svg.addEventListener("pointercancel", () => {
    Object.assign(state, { held: null, open: [] });
    changed();
  });
}
