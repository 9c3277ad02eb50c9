/** Rows that open in place: htmx fetches the part below the row, and a second click removes it. */
const openedPartOf = (row) => row.parentElement.querySelector(":scope > .event-open");

document.addEventListener("htmx:beforeRequest", (event) => {
  const row = event.detail.elt;
  if (!row.matches(".event-row")) return;
  const part = openedPartOf(row);
  if (!part) return;
  event.preventDefault();
  part.remove();
  row.setAttribute("aria-expanded", "false");
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const row = detail.requestConfig?.elt;
  if (row?.matches(".event-row") && openedPartOf(row)) row.setAttribute("aria-expanded", "true");
});
