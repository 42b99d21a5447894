// Asks the JSON interface: ask("POST", "/api/jobs/7/cancellation", {...}) gives the answer's JSON, or throws
// an error with `message` (what is wrong) and `todo` (what to do about it).
export async function ask(method, address, body) {
  const request = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(address, request);
  } catch (cause) {
    throw failure("the hub does not answer", "Look whether it runs, then try again.", 0, cause);
  }
  const text = await answer.text();
  const told = text ? JSON.parse(text) : null;
  if (!answer.ok) throw failure(told?.message ?? answer.statusText, told?.todo ?? "", answer.status);
  return told;
}

function failure(message, todo, status, cause) {
  return Object.assign(new Error(message, { cause }), { todo, status });
}
