// Files with their path below what was dropped or chosen: [{ path, file }]; hidden ones are passed over.
export function chosenFiles(list) {
  return visible([...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

export async function droppedFiles(transfer) {
  // Entries must be asked for before the first wait: the browser forgets them after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return visible(found);
}

async function walk(entry, above, found) {
  const path = above + entry.name;
  if (entry.isFile) {
    found.push({ path, file: await new Promise((give, fail) => entry.file(give, fail)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((give, fail) => reader.readEntries(give, fail)); // a hundred at a time
    if (!some.length) return;
    for (const inner of some) await walk(inner, `${path}/`, found);
  }
}

function visible(files) {
  return files.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"));
}
