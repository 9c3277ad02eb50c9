/**
 * A swap may remove the element that has the focus. htmx gives the focus to the element with the same id. If there is
 * none, as on another page of rows, it goes to the beginning of the new part.
 */
let focusedPart = null;

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  focusedPart = target.contains(document.activeElement) ? target.id : null;
});

document.addEventListener("htmx:afterSettle", () => {
  const part = focusedPart && document.getElementById(focusedPart);
  focusedPart = null;
  if (!part || document.activeElement !== document.body) return;
  part.tabIndex = -1;
  part.focus({ preventScroll: true });
});
