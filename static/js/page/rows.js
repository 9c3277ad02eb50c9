/** Rows that open in place: htmx fetches what comes below the row; a second click takes it away again. */
const openedBy = (row) => row.parentElement.querySelector(":scope > .event-open");

document.addEventListener("htmx:beforeRequest", (event) => {
  const row = event.detail.elt;
  if (!row.matches(".event-row")) return;
  const opened = openedBy(row);
  if (!opened) return;
  event.preventDefault();
  opened.remove();
  row.setAttribute("aria-expanded", "false");
});

document.addEventListener("htmx:afterSwap", (event) => {
  const row = event.detail.requestConfig?.elt;
  if (row?.matches(".event-row") && openedBy(row)) row.setAttribute("aria-expanded", "true");
});
