/**
 * Buttons that copy: an element's text (`data-copy="id"`), an address (`data-copy-link`) or what stands there
 * (`data-copy-from`). Hidden where nothing could come of pressing them.
 */
const BUTTONS = "[data-copy], [data-copy-link], [data-copy-from]";

htmx.onLoad((content) => {
  if (!navigator.clipboard) return;
  for (const button of content.querySelectorAll(BUTTONS)) button.hidden = false;
});

async function textOf({ copy, copyLink, copyFrom }) {
  if (copy) return document.getElementById(copy).textContent;
  if (copyLink) return new URL(copyLink, location.href).href;
  const answer = await fetch(copyFrom);
  if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
  return answer.text();
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest(BUTTONS);
  if (!button || button.dataset.busy) return;
  button.dataset.busy = "on";
  const label = button.lastChild;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(await textOf(button.dataset));
    label.textContent = "Copied";
  } catch {
    label.textContent = "Not copied";
  }
  setTimeout(() => {
    label.textContent = before;
    delete button.dataset.busy;
  }, 1500);
});
