/** The state of a step: parts that were opened by hand stay open, and the value that changed comes into view. */
import { announce } from "../page/announce.js";
import { resolve, root } from "./current.js";

const ROW_HEIGHT_PX = 24;

/** Whether a part is open, by its pointer, for the parts that were opened or closed by hand. */
const openByHand = new Map();

document.addEventListener("click", ({ target }) => {
  const part = target.closest?.("#state summary")?.parentElement;
  if (part && !target.closest("a")) openByHand.set(part.dataset.at, !part.open);
});

function reopen() {
  for (const part of document.querySelectorAll("#state details[data-at]")) {
    if (openByHand.has(part.dataset.at)) part.open = openByHand.get(part.dataset.at);
  }
}

/**
 * Scroll to what the step changed in the value whose history is shown, or else to that value. If no history is shown,
 * scroll to the first value that the step changed.
 */
function showChange() {
  const pane = document.querySelector("#state .pane-body");
  const { top, height } = pane.getBoundingClientRect();
  const isSeen = (row) => {
    const box = row.getBoundingClientRect();
    return box.bottom - top >= ROW_HEIGHT_PX && box.top - top <= height - ROW_HEIGHT_PX;
  };
  const rows = rowsToShow(pane);
  if (!rows.length || rows.some(isSeen)) return;
  pane.scrollTop += rows[0].getBoundingClientRect().top - top - height / 3;
}

function rowsToShow(pane) {
  const changed = [...pane.querySelectorAll(".tree-row:is(.chg, .add, .del)")].filter((row) => row.offsetParent);
  const pointer = new URL(resolve(root().dataset.here)).searchParams.get("why");
  const value = pointer === null ? null : document.getElementById(`pin${pointer}`)?.closest("li");
  if (!value?.offsetParent) return changed;
  const within = changed.filter((row) => value.contains(row));
  return within.length ? within : [value];
}

document.addEventListener("replay:step", () => {
  reopen();
  showChange();
});
showChange();

/** Pin the value that has the focus, or the one whose history is shown; unpin it if it is pinned. */
export function pin() {
  const row = document.activeElement.closest("#state .tree li, .pinned > div");
  const link = row?.querySelector(":scope > .tail > .pin, :scope > dt > .pin") ?? document.getElementById("why-pin");
  if (link) link.click();
  else announce("No value has the focus");
}
