/** Back on a list, the row from which the reader left has the focus. The browser's history entry names it. */
import { ROWS, currentRow } from "./keys.js";

addEventListener("pagehide", () => {
  history.replaceState({ ...history.state, row: currentRow()?.getAttribute("href") }, "");
});

const href = history.state?.row;
const row = href && [...document.querySelectorAll(ROWS)].find((each) => each.getAttribute("href") === href);
// The browser scrolls to where the reader was.
row?.focus({ preventScroll: true });
