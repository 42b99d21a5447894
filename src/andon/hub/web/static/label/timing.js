// How long somebody looked at the page: seconds in which it was visible and something was done now and then.
const AWAY_MS = 60_000;

export function stopwatch() {
  let total = 0;
  let last = document.hidden ? null : performance.now();
  const count = () => {
    const now = performance.now();
    if (last !== null) total += Math.min(now - last, AWAY_MS);
    last = document.hidden ? null : now;
  };
  for (const event of ["pointerdown", "pointermove", "keydown", "visibilitychange"]) document.addEventListener(event, count, { passive: true });
  return () => {
    count();
    return total / 1000;
  };
}
