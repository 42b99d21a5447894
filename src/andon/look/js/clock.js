// <time datetime="..." data-clock> and data-day: shows a UTC time in the reader's own zone.
import { onAttach } from "./attach.js";

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" });

onAttach("time[data-clock], time[data-day]", (element) => {
  const at = new Date(element.dateTime);
  if (!Number.isNaN(at.valueOf())) {
    element.textContent = ("clock" in element.dataset ? clock : day).format(at);
  }
});
