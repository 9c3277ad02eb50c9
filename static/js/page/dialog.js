/**
 * A link whose target is the dialog opens it: it is modal, Escape closes it. Then the browser gives the focus back to
 * what had it before; if that part of the page was replaced meanwhile, the link gets the focus.
 */
const dialog = document.getElementById("dialog");
let openerId = null;

if (dialog) {
  document.addEventListener("htmx:afterSwap", ({ detail: { target, requestConfig } }) => {
    if (target !== dialog) return;
    openerId = requestConfig.elt.id;
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
  });
  dialog.addEventListener("click", (event) => {
    const isOutside = event.target === dialog;
    if (!isOutside && !event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey) dialog.querySelector("form").requestSubmit();
  });
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    if (document.activeElement === document.body) document.getElementById(openerId)?.focus();
  });
}
