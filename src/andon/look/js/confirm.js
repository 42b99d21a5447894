// <form data-confirm="What will happen, to how many things, and whether it can be undone."
//       data-confirm-do="Delete"> asks once, in words, before it is sent.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const words = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!words || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  askOnce(words, event.submitter?.dataset.confirmDo ?? form.dataset.confirmDo ?? "Go on", () => {
    form.dataset.confirmed = "yes";
    form.requestSubmit(event.submitter);
    delete form.dataset.confirmed;
  });
}, true);

// Shows `words` with two buttons; calls `go` when the reader agrees.
export function askOnce(words, name, go) {
  const dialog = document.createElement("dialog");
  const body = document.createElement("form");
  body.method = "dialog";
  body.className = "dialog-body";
  const text = document.createElement("p");
  text.textContent = words;
  const end = document.createElement("div");
  end.className = "dialog-end";
  const back = button("Leave it as it is", "");
  const yes = button(name, "danger");
  end.append(back, yes);
  body.append(text, end);
  dialog.append(body);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "yes") go();
  });
  yes.value = "yes";
  document.body.append(dialog);
  dialog.showModal();
  back.focus();
}

function button(text, kind) {
  const made = document.createElement("button");
  made.textContent = text;
  made.className = kind;
  made.value = "";
  return made;
}
