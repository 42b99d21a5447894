// <section data-drop>: takes a dropped or chosen folder or zip archive and sends it, file by file, four at a
// time, with what is done and the time left in words; then opens the page that shows what is in it.
import { onAttach } from "/static/look/attach.js";
import { ask } from "/static/look/ask.js";
import { chosenFiles, droppedFiles } from "./files.js";
import { sendAll } from "./sending.js";

onAttach("[data-drop]", (place) => {
  place.querySelector("[data-drop-choose]").hidden = false;
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("drop-over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("drop-over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("drop-over");
    take(place, droppedFiles(event.dataTransfer));
  });
  for (const field of place.querySelectorAll("[data-drop-folder], [data-drop-archive]")) {
    field.addEventListener("change", () => take(place, Promise.resolve(chosenFiles(field.files))));
  }
});

async function take(place, finding) {
  const stop = new AbortController();
  const words = show(place, stop);
  try {
    words("Looking what is in it", 0);
    const files = await finding;
    if (!files.length) throw Object.assign(new Error("there is no file in it"), { todo: "Choose a folder with images." });
    const upload = await ask("POST", "/api/imports", { name: nameOf(files) });
    const refused = await sendAll(upload.id, files, words, stop.signal);
    if (refused.length === files.length) throw refused[0].error;
    location.assign(`/imports/${upload.id}`);
  } catch (error) {
    words(stop.signal.aborted ? "Stopped. What was sent is removed after a week." : `${error.message}. ${error.todo ?? ""}`, 0);
    end(place);
  }
}

function nameOf(files) {
  const [first] = files;
  const top = first.path.split("/")[0];
  return files.length > 1 && files.every((file) => file.path.startsWith(`${top}/`)) ? top : files.length > 1 ? "dropped files" : first.file.name;
}

function show(place, stop) {
  place.querySelector("[data-drop-choose]").hidden = true;
  const progress = place.querySelector("[data-drop-progress]");
  progress.hidden = false;
  progress.querySelector("[data-drop-stop]").onclick = () => stop.abort();
  progress.querySelector("[data-drop-stop]").hidden = false;
  const bar = progress.querySelector("progress");
  const text = progress.querySelector("[data-drop-words]");
  return (words, share) => {
    text.textContent = words;
    bar.value = share;
  };
}

function end(place) {
  place.querySelector("[data-drop-choose]").hidden = false;
  place.querySelector("[data-drop-stop]").hidden = true;
}
