/** What the reader opened or closed by hand stays so when the server draws the part of the page anew. */
const labelOf = (details) => details.querySelector(":scope > summary :is(.key, bdi)")?.textContent;

/** The labels of an element and of those around it, as one text. They name the element in the old and the new part. */
function pathOf(details) {
  const path = [];
  for (let each = details; each; each = each.parentElement.closest("details")) path.unshift(labelOf(each));
  return JSON.stringify(path);
}

/** Whether an element is open, by path. */
let openByHand = new Map();

document.addEventListener("click", ({ target }) => {
  const summary = target.closest("summary");
  if (summary) summary.parentElement.dataset.byHand = "";
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const touched = detail.target.querySelectorAll("details[data-by-hand]");
  openByHand = new Map([...touched].map((details) => [pathOf(details), details.open]));
});
document.addEventListener("htmx:afterSwap", () => {
  if (!openByHand.size) return;
  for (const details of document.querySelectorAll("details")) {
    const isOpen = openByHand.get(pathOf(details));
    if (isOpen === undefined) continue;
    details.open = isOpen;
    details.dataset.byHand = "";
  }
  openByHand = new Map();
});
