/** The timeline follows its log. htmx may replace the list by another page of it, or by that of another query. */
import { showConnection } from "./connection-state.js";
import { LiveList } from "./live-list.js";
import { PastList } from "./past-list.js";
import "./redacted-rows.js";

let list = null;

function start() {
  list?.end();
  showConnection("open");
  const timeline = document.getElementById("timeline");
  const isAtHead = "atHead" in timeline.dataset;
  const live = document.getElementById("live");
  live.hidden = false;
  live.setAttribute("aria-checked", String(isAtHead));
  for (const hint of document.querySelectorAll("[data-with-script]")) hint.hidden = false;
  list = isAtHead ? new LiveList(timeline) : new PastList(timeline);
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("#live")) list.toggle();
  else if (target.closest("#pill, #resume")) list.resume();
});
addEventListener("scroll", () => list.onScroll(), { passive: true });
document.addEventListener("htmx:afterSwap", ({ detail }) => detail.target.id === "timeline" && start());

start();
