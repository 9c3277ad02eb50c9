/** A link that is pressed with a modifier opens where the browser would: in another tab. htmx would fetch it into the page. */
document.addEventListener(
  "click",
  (event) => {
    if ((event.ctrlKey || event.metaKey || event.shiftKey) && event.target.closest("a[href]")) event.stopPropagation();
  },
  { capture: true },
);
