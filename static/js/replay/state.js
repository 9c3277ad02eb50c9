/** The state of a step: what is opened by hand stays open while one steps, a value is pinned, two steps are compared. */
import { announce } from "../page/announce.js";
import { go, root } from "./steps.js";

const ROW = 24;

/** Whether a part is open, by its pointer, where it was opened or closed by hand. */
const byHand = new Map();

document.addEventListener("click", ({ target }) => {
  const part = target.closest?.("#state summary")?.parentElement;
  if (part && !target.closest("a")) byHand.set(part.dataset.at, !part.open);
});

function reopen() {
  for (const part of document.querySelectorAll("#state details[data-at]"))
    if (byHand.has(part.dataset.at)) part.open = byHand.get(part.dataset.at);
}

/**
 * What the step did to the value whose history is shown comes into view, or else that value; where no history is shown,
 * the first of all that the step changed.
 */
function showChange() {
  const pane = document.querySelector("#state .pane-body");
  const { top, height } = pane.getBoundingClientRect();
  const changed = [...pane.querySelectorAll(".tree-row:is(.chg, .add, .del)")].filter((row) => row.offsetParent);
  const asked = new URL(root().dataset.here, location).searchParams.get("why");
  const value = asked === null ? null : document.getElementById(`pin${asked}`)?.closest("li");
  const within = value?.offsetParent ? changed.filter((row) => value.contains(row)) : changed;
  const rows = value?.offsetParent && !within.length ? [value] : within;
  const places = rows.map((row) => row.getBoundingClientRect()).map((row) => [row.top - top, row.bottom - top]);
  const isSeen = ([from, to]) => to >= ROW && from <= height - ROW;
  if (places.length && !places.some(isSeen)) pane.scrollTop += places[0][0] - height / 3;
}

document.addEventListener("replay:step", () => {
  reopen();
  showChange();
});
showChange();

/** Pin the value that has the focus, or the one whose history is shown; or let it go. */
export function pin() {
  const row = document.activeElement.closest("#state .tree li, .pinned > div");
  const link = row?.querySelector(":scope > .tail > .pin, :scope > dt > .pin") ?? document.getElementById("why-pin");
  if (link) link.click();
  else announce("No value has the focus");
}

// A step that is clicked with Shift is the other end of what is compared.
document.addEventListener(
  "click",
  (event) => {
    const link = event.shiftKey && event.target.closest?.(".step > a");
    if (!link) return;
    event.preventDefault();
    const url = new URL(document.getElementById("replay").dataset.here, location);
    url.searchParams.set("from", link.pathname.split("/").at(-1));
    go(url.href);
  },
  { capture: true },
);
