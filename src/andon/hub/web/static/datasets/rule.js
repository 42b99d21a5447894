// <form data-rule>: says that the split is being made while the page is fetched.
import { onAttach } from "/static/look/attach.js";

onAttach("form[data-rule]", (form) => {
  form.addEventListener("submit", () => {
    form.querySelector("[data-rule-wait]").dataset.waiting = "dealing the parts";
  });
});
