/**
 * What has the focus may be swapped away, by its own press. htmx gives it to what has the same id; where nothing has, as
 * another page of rows is another place, it goes to the beginning of what is new.
 */
let within = null;

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  within = target.contains(document.activeElement) ? target.id : null;
});

document.addEventListener("htmx:afterSettle", () => {
  const part = within && document.getElementById(within);
  within = null;
  if (!part || document.activeElement !== document.body) return;
  part.tabIndex = -1;
  part.focus({ preventScroll: true });
});
