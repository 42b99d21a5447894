// <details data-facets>: open in the margin, folded away on a phone.
import { onAttach } from "/static/look/attach.js";

onAttach("[data-facets]", (margin) => {
  margin.open = !matchMedia("(max-width: 800px)").matches;
});
