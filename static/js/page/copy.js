/**
 * Buttons that copy: the text of an element (`data-copy="id"`), an address (`data-copy-link`, empty for the page's own) or what the server answers
 * at an address (`data-copy-from`). They are hidden where the browser lets no script copy.
 */
import { announce } from "./announce.js";

const BUTTONS = "[data-copy], [data-copy-link], [data-copy-from]";
const ANSWER_SHOWN_MS = 1500;

htmx.onLoad((content) => {
  if (!navigator.clipboard) return;
  for (const button of content.querySelectorAll(BUTTONS)) button.hidden = false;
});

async function textFor({ copy, copyLink, copyFrom }) {
  if (copy) return document.getElementById(copy).textContent;
  if (copyLink !== undefined) return new URL(copyLink, location.href).href;
  const response = await fetch(copyFrom);
  if (!response.ok) throw new Error(`The server answered ${response.status}`);
  return response.text();
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest(BUTTONS);
  if (!button || button.dataset.busy) return;
  button.dataset.busy = "on";
  const label = button.lastChild;
  const name = label.textContent;
  try {
    await navigator.clipboard.writeText(await textFor(button.dataset));
    label.textContent = "Copied";
  } catch {
    label.textContent = "Not copied";
  }
  announce(label.textContent, "copy");
  setTimeout(() => {
    label.textContent = name;
    delete button.dataset.busy;
  }, ANSWER_SHOWN_MS);
});
