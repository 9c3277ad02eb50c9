/** Keys of every page. A single letter never fires while something is being typed, nor with a modifier. */
const ROWS = ".event-row[href], [data-row], .step > a";

/** The row that has the focus, or has opened to what has it. */
function current() {
  const { activeElement } = document;
  return activeElement.closest(".event-item")?.querySelector(".event-row") ?? activeElement.closest(ROWS);
}

export function isTyping(target) {
  return target.isContentEditable || target.matches("input, textarea, select");
}

/** Whether a key press is meant for the page. */
export function isPlain(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented && !isTyping(event.target);
}

function move(by) {
  const rows = [...document.querySelectorAll(ROWS)];
  if (!rows.length) return;
  const at = rows.indexOf(current());
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1);
  rows[next].focus();
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  o: () => current() && location.assign(current().href),
  l: () => document.querySelector("#live:not([hidden])")?.click(),
  "/": () => document.querySelector("[data-filter]")?.select(),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (!isPlain(event) || document.querySelector("dialog[open]") || !Object.hasOwn(actions, event.key)) return;
  event.preventDefault();
  actions[event.key]();
});
