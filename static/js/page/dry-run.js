/** A dry run that is older than a minute is only repeated, as the server insists: from then on its button says so. */
const button = document.querySelector("[data-fresh-seconds]");

if (button) {
  setTimeout(() => {
    button.textContent = "Dry run";
  }, button.dataset.freshSeconds * 1000);
}
