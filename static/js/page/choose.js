/**
 * Choosing letters: `x` chooses the letter that has the focus, `X` all from the last one to here. The page says how many
 * are chosen, and is not fetched again while there are any, so that nothing is lost.
 */
import { announce } from "./announce.js";
import { isPlain } from "./keys.js";

const BOXES = "[data-choose]";
let last = null;

const boxes = () => [...document.querySelectorAll(BOXES)];
const all = () => document.querySelector("[data-choose-all]");
const BUSY = "dialog[open], #dead-letters :popover-open";

export const isChoosing = () => document.querySelector(`${BOXES}:checked, [data-choose-all]:checked`) !== null;
const isBusy = () => isChoosing() || document.querySelector(BUSY) !== null;

function showChosen() {
  const words = document.querySelector("[data-chosen]");
  if (!words) return;
  const number = boxes().filter((box) => box.checked).length;
  const isAll = all().checked;
  words.textContent = number && !isAll ? `${number} of ${words.dataset.letters} chosen` : words.dataset.chosen;
  announce(isAll ? `All ${words.dataset.letters} letters chosen` : `${number} chosen`, "choice");
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-choose-all]")) for (const box of boxes()) box.checked = target.checked;
  else if (target.matches(BOXES)) all().checked = false;
  else return;
  last = target.matches(BOXES) ? target : null;
  showChosen();
});

/** Choose the one letter of a row. */
export function choose(row) {
  last = row.querySelector(BOXES);
  last.checked = true;
  showChosen();
}

document.addEventListener("keydown", (event) => {
  if (!isPlain(event) || event.key.toLowerCase() !== "x") return;
  const here = document.activeElement.closest("li")?.querySelector(BOXES);
  if (!here) return;
  event.preventDefault();
  const row = boxes();
  const from = event.key === "X" && row.includes(last) ? row.indexOf(last) : row.indexOf(here);
  const [begin, end] = [from, row.indexOf(here)].toSorted((a, b) => a - b);
  const isChosen = event.key === "X" || !here.checked;
  for (const box of row.slice(begin, end + 1)) box.checked = isChosen;
  all().checked = false;
  last = here;
  showChosen();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches("#dead-letters > [data-follows]") && isBusy()) event.preventDefault();
});
