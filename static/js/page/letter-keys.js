/**
 * The keys of dead letters. A key clicks the link or button that has it in `data-key`: that of the row which has the
 * focus, else of the first letter below it. Without such a row it is that of the open fault, or of the page. `r`, `e`
 * and `s` are about the chosen letters, if there are any.
 */
import { choose, isChoosing } from "./choose.js";
import { isPlain } from "./keys.js";

const DECISIONS = new Set(["r", "e", "s"]);

/** The parts of the page in which a key is looked for, in this order. */
function places(key) {
  const { activeElement: focused } = document;
  const letter = focused.closest("li.letter");
  const row = focused.closest("#faults tbody tr") ?? document.querySelector("#faults tr[aria-selected]");
  if (!row) return [document];
  if (row.matches(".letters")) return [letter, row.previousElementSibling];
  return DECISIONS.has(key) ? [row] : [row, row.nextElementSibling];
}

function placesOf(key) {
  const letter = document.activeElement.closest("li.letter:has([data-choose])");
  if (!DECISIONS.has(key) || !(letter || isChoosing())) return places(key);
  if (!isChoosing()) choose(letter);
  return [document.getElementById("choose")];
}

// In the capture phase, before the keys of every page: `j`, `k` and `o` mean something else on the page of a letter.
document.addEventListener(
  "keydown",
  (event) => {
    if (!isPlain(event) || document.querySelector("dialog[open]") || !/^[a-z]$/i.test(event.key)) return;
    const wanted = `[data-key="${event.key}"]`;
    const found = placesOf(event.key).map((place) => place?.querySelector(wanted));
    const target = found.find(Boolean);
    if (!target) return;
    event.preventDefault();
    target.click();
  },
  { capture: true },
);
