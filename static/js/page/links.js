/** A link that is clicked with a modifier opens in another tab, as the browser does it. htmx would fetch it into this page. */
document.addEventListener(
  "click",
  (event) => {
    if ((event.ctrlKey || event.metaKey || event.shiftKey) && event.target.closest("a[href]")) event.stopPropagation();
  },
  { capture: true },
);
