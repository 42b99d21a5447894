// Sends files to an upload; gives those that the hub refused. A connection that breaks is tried again.
const AT_A_TIME = 4;
const TRIES = 4;

export async function sendAll(upload, files, tell, signal) {
  if (files.length === 1 && files[0].file.name.toLowerCase().endsWith(".zip")) return sendArchive(upload, files[0].file, tell, signal);
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  const waiting = [...files];
  const refused = [];
  const started = performance.now();
  let done = 0;
  let bytes = 0;
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const error = await sendOne(`/api/imports/${upload}/files/${encoded(next.path)}`, next.file, signal);
      if (error) refused.push({ ...next, error });
      done += 1;
      bytes += next.file.size;
      tell(words(done, files.length, bytes / (total || 1), started), bytes / (total || 1));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return refused;
}

// XMLHttpRequest, because it tells how far a single large file is.
function sendArchive(upload, file, tell, signal) {
  const started = performance.now();
  return new Promise((give, fail) => {
    const request = new XMLHttpRequest();
    signal.addEventListener("abort", () => request.abort());
    request.upload.addEventListener("progress", (event) => {
      const share = event.loaded / (event.total || 1);
      tell(share < 1 ? words(event.loaded, event.total, share, started, "bytes") : "Unpacking", share);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) give([]);
      else fail(told(request.responseText, request.statusText));
    });
    request.addEventListener("error", () => fail(lost()));
    request.addEventListener("abort", () => fail(lost()));
    request.open("PUT", `/api/imports/${upload}/archive`);
    request.send(file);
  });
}

async function sendOne(address, file, signal) {
  for (let tried = 1; ; tried += 1) {
    const answer = await fetch(address, { method: "PUT", body: file, signal }).catch((cause) => {
      if (signal.aborted || tried === TRIES) throw signal.aborted ? cause : lost();
      return null;
    });
    if (answer?.ok) return null;
    if (answer && answer.status < 500) return told(await answer.text(), answer.statusText);
    if (answer && tried === TRIES) throw told(await answer.text(), answer.statusText);
    await new Promise((wake) => setTimeout(wake, 250 * 2 ** tried));
  }
}

function encoded(path) {
  return path.split("/").map(encodeURIComponent).join("/");
}

function words(done, of, share, started, unit = "files") {
  const seconds = ((performance.now() - started) / 1000) * (1 / Math.max(share, 1e-6) - 1);
  const left = share > 0.02 && share < 1 ? `, about ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`} left` : "";
  return `${done.toLocaleString("en")} of ${of.toLocaleString("en")} ${unit} sent${left}`;
}

function told(text, fallback) {
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch {
    answer = { message: fallback };
  }
  return Object.assign(new Error(answer.message ?? fallback), { todo: answer.todo ?? "" });
}

function lost() {
  return Object.assign(new Error("the hub does not answer"), { todo: "Look whether it runs, then drop the files again." });
}
