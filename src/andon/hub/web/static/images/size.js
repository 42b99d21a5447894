// <input type="range" data-shot-size="ID">: size of the pictures in the grid ID, pixels; kept for next time.
import { onAttach } from "/static/look/attach.js";

const KEY = "andon.shot-size";

onAttach("[data-shot-size]", (slider) => {
  const kept = Number(localStorage.getItem(KEY));
  if (kept) slider.value = kept;
  const show = () => document.getElementById(slider.dataset.shotSize)?.style.setProperty("--shot", `${slider.value}px`);
  slider.addEventListener("input", show);
  slider.addEventListener("change", () => localStorage.setItem(KEY, slider.value));
  show();
});
