// <form data-reread>: says that the files are read again while the page is fetched.
import { onAttach } from "/static/look/attach.js";

onAttach("form[data-reread]", (form) => {
  form.addEventListener("submit", () => {
    form.querySelector("[data-reread-wait]").dataset.waiting = "reading names and labels";
  });
});
