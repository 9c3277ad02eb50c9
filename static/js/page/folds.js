/** What was folded or unfolded by hand stays so when what it is in is drawn anew. */
const label = (details) => details.querySelector(":scope > summary :is(.key, bdi)")?.textContent;

/** The names on the way to it, as one text. */
function wayTo(details) {
  const way = [];
  for (let each = details; each; each = each.parentElement.closest("details")) way.unshift(label(each));
  return JSON.stringify(way);
}

let kept = new Map();

document.addEventListener("click", ({ target }) => {
  const summary = target.closest("summary");
  if (summary) summary.parentElement.dataset.byHand = "";
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const touched = detail.target.querySelectorAll("details[data-by-hand]");
  kept = new Map([...touched].map((details) => [wayTo(details), details.open]));
});
document.addEventListener("htmx:afterSwap", () => {
  if (!kept.size) return;
  for (const details of document.querySelectorAll("details")) {
    const open = kept.get(wayTo(details));
    if (open === undefined) continue;
    details.open = open;
    details.dataset.byHand = "";
  }
  kept = new Map();
});
