// Keys of the page. <a data-key="n" data-key-name="Next part">: the key clicks it (or puts the cursor into
// a field). `?` lists them all. Keys typed into a field are the field's; Enter on a link or button is its own.
const ALWAYS = [["?", "This list"], ["Esc", "Close what is open"]];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.target.closest?.("a[href], button, summary")) return;
  if (event.key === "?") {
    event.preventDefault();
    list();
    return;
  }
  const wanted = keyed().find((element) => element.dataset.key === event.key);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input, select, textarea")) wanted.focus();
  else wanted.click();
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-keys-open]")) list();
});

function isTyping(target) {
  return target.isContentEditable || target.matches?.("input:not([type=checkbox], [type=radio], [type=range]), select, textarea");
}

// The content's own keys come before those of the navigation.
function keyed() {
  const all = [...document.querySelectorAll("[data-key]")].filter((element) => !element.disabled);
  return [...all.filter((element) => !element.closest("nav.menu")), ...all.filter((element) => element.closest("nav.menu"))];
}

function list() {
  const dialog = document.createElement("dialog");
  const body = document.createElement("form");
  body.method = "dialog";
  body.className = "dialog-body";
  const head = document.createElement("h2");
  head.textContent = "Keys of this page";
  const rows = document.createElement("dl");
  rows.className = "keys";
  for (const [key, name] of [...ownKeys(), ...ALWAYS]) rows.append(term(key), meaning(name));
  const end = document.createElement("div");
  end.className = "dialog-end";
  const close = document.createElement("button");
  close.textContent = "Close";
  end.append(close);
  body.append(head, rows, end);
  dialog.append(body);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function ownKeys() {
  return keyed().map((element) => [element.dataset.key, element.dataset.keyName ?? element.textContent.trim()]);
}

function term(key) {
  const made = document.createElement("dt");
  const face = document.createElement("kbd");
  face.textContent = key;
  made.append(face);
  return made;
}

function meaning(name) {
  const made = document.createElement("dd");
  made.textContent = name;
  return made;
}
