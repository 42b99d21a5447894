// <button data-marks>: takes what the model marked off the pictures and puts it back; a new page shows it.
const button = document.querySelector("[data-marks]");
button.hidden = false;
button.addEventListener("click", () => {
  const isBare = document.body.toggleAttribute("data-bare");
  button.setAttribute("aria-pressed", String(!isBare));
});
