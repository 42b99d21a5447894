// A known length on the picture becomes a calibration of a station's view, and the recipe uses it.
import { ask } from "../look/ask.js";
import { say } from "../look/toast.js";

export function attachCalibration(form) {
  const place = form.querySelector("[data-known-length]");
  if (!place) return;
  place.hidden = false;
  const button = form.querySelector("[data-calibrate]");
  const known = (name) => place.querySelector(`[data-known=${name}]`);
  const refresh = () => {
    const texts = ["station", "view"].every((name) => known(name).value.trim());
    button.disabled = !(texts && Number(known("pixels").value) > 0 && Number(known("millimetres").value) > 0);
  };
  form.addEventListener("andon:drawn", () => {
    if (known("pixels").value) form.querySelector("[data-calibration]").open = true;
    refresh();
  });
  place.addEventListener("input", refresh);
  button.addEventListener("click", async () => {
    button.disabled = true;
    const length = { station: known("station").value.trim(), view: known("view").value.trim() };
    for (const name of ["pixels", "millimetres"]) length[name] = Number(known(name).value);
    try {
      use(form.elements.calibration, await ask("POST", "/api/calibrations", length));
    } catch (problem) {
      say(problem.message, problem.todo);
    }
    refresh();
  });
}

function use(select, made) {
  const key = `${made.station}/${made.view}`;
  const option = [...select.options].find((one) => one.value === key) ?? select.appendChild(new Option("", key));
  option.textContent = `${key}, ${Number(made.pixels_per_mm.toPrecision(4))} px/mm`;
  select.value = key;
  say("Calibration added", `${option.textContent}, version ${made.version}`);
}
