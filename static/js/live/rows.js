/** The rows of the timeline: new ones come in at the top, and the oldest leave the page. */
import { formatNumber, headUrl } from "./head.js";

const MAX_ROWS = 1000;
// More rows than this at once would only flicker if they faded in.
const MAX_FADING_ROWS = 50;

export function drawRows(html) {
  const rows = document.getElementById("rows");
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = [...template.content.children];
  if (fresh.length <= MAX_FADING_ROWS) for (const row of fresh) row.querySelector(".event-row")?.classList.add("fresh");
  rows.prepend(...fresh);
  for (const row of fresh) htmx.process(row);
  while (rows.childElementCount > MAX_ROWS) rows.lastElementChild.remove();
  if (rows.childElementCount === MAX_ROWS) linkToOlder(rows);
}

/** "Older" continues after the last row that is still on the page. */
function linkToOlder(rows) {
  const last = rows.lastElementChild;
  const oldest = last.dataset.first ?? last.querySelector("[data-position]").dataset.position;
  const url = headUrl();
  url.searchParams.set("before", oldest);
  const link = document.createElement("a");
  link.className = "link";
  link.id = "older";
  link.rel = "next";
  link.href = url;
  link.textContent = `Older than #${formatNumber(Number(oldest))}`;
  document.getElementById("list-foot").replaceChildren(link);
}
