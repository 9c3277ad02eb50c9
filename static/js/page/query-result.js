/** What came of a query, in the bar and in an announcement. A link may have led the list to another query. */
import { announce } from "./announce.js";

const input = document.getElementById("q");
let query = input.value;

function announceResult() {
  const answer = document.querySelector("#timeline .answer h2")?.textContent;
  const rows = document.querySelectorAll("#rows [data-position]").length;
  announce(answer ?? `${rows} event${rows === 1 ? "" : "s"} shown.`);
}

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "timeline") return;
  const { written, mistaken } = document.getElementById("timeline").dataset;
  const isMistaken = mistaken !== undefined;
  if (written !== query) {
    // The text of the field stays if the query is the same: the reader may be writing the next one.
    input.value = query = written;
    // The words about a mistake are an alert by themselves.
    if (!isMistaken) announceResult();
  }
  if (isMistaken) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", "query-error");
  } else {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
});
