/** The keys of every page. A single letter does nothing while the reader types, or with a modifier. */
export const ROWS = ".event-row[href], [data-row], .step > a";

/** The row that has the focus, or whose opened part has it. */
export function currentRow() {
  const { activeElement } = document;
  return activeElement.closest(".event-item")?.querySelector(".event-row") ?? activeElement.closest(ROWS);
}

export function isTyping(target) {
  return target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select");
}

/** Whether a key press is meant for the page. */
export function isPlain(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !isTyping(event.target);
}

function moveFocus(by) {
  const rows = [...document.querySelectorAll(ROWS)];
  if (!rows.length) return;
  const index = rows.indexOf(currentRow());
  const outermost = by > 0 ? 0 : rows.length - 1;
  const next = index < 0 ? outermost : Math.min(Math.max(index + by, 0), rows.length - 1);
  rows[next].focus();
}

function openRow() {
  const row = currentRow();
  if (row) location.assign(row.href);
}

function pauseRow() {
  currentRow()?.closest("tr")?.querySelector("[data-pause]")?.click();
}

const ACTIONS = {
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  o: openRow,
  p: pauseRow,
  l: () => document.querySelector("#live:not([hidden])")?.click(),
  "/": () => document.querySelector("[data-filter]")?.select(),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (!isPlain(event) || document.querySelector("dialog[open]") || !Object.hasOwn(ACTIONS, event.key)) return;
  event.preventDefault();
  ACTIONS[event.key]();
});
