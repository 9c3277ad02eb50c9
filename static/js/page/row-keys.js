/**
 * The keys of subscriptions. A key clicks the link that has it in `data-key`: that of the row which has the focus, else
 * of the page.
 */
import { currentRow, isPlain } from "./keys.js";

// In the capture phase, before the keys of every page.
document.addEventListener(
  "keydown",
  (event) => {
    if (!isPlain(event) || document.querySelector("dialog[open]") || !/^[a-z]$/i.test(event.key)) return;
    const wanted = `[data-key="${event.key}"]`;
    const ofPage = [...document.querySelectorAll(wanted)].find((link) => !link.closest("tr"));
    const target = currentRow()?.closest("tr")?.querySelector(wanted) ?? ofPage;
    if (!target) return;
    event.preventDefault();
    target.click();
  },
  { capture: true },
);
