/**
 * A link whose target is the dialog opens it: it is modal, Escape closes it, and then the link has the focus again, even
 * if its part of the page was replaced meanwhile.
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
    document.getElementById(openerId)?.focus();
  });
}
