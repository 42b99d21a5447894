// <input type="checkbox" data-contours="ID">: shows or hides the contours in ID; kept for next time.
import { onAttach } from "/static/look/attach.js";

const KEY = "andon.contours";

onAttach("[data-contours]", (box) => {
  box.checked = localStorage.getItem(KEY) !== "off";
  const show = () => document.getElementById(box.dataset.contours)?.classList.toggle("contours-off", !box.checked);
  box.addEventListener("change", () => {
    localStorage.setItem(KEY, box.checked ? "on" : "off");
    show();
  });
  show();
});
