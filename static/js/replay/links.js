/** The links and forms of a replay lead to steps without loading the page. */
import { BACK, VISIT } from "./address.js";
import { forget } from "./answers.js";
import { resolve, root } from "./current.js";
import { go, send, tellShown } from "./steps.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#replay [data-steps] a[href]:not([hx-get])");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});

// A listed step that is clicked with Shift is compared with the step that is shown.
document.addEventListener(
  "click",
  (event) => {
    const link = event.shiftKey && event.target.closest?.(".step > a");
    if (!link) return;
    event.preventDefault();
    const url = new URL(resolve(root().dataset.here));
    url.searchParams.set("from", link.pathname.split("/").at(-1));
    go(url.href);
  },
  { capture: true },
);

document.addEventListener("submit", (event) => {
  const form = event.target.closest("#replay [data-steps] form, #replay form[data-steps]");
  if (!form || form.method !== "get") return;
  event.preventDefault();
  document.activeElement.blur();
  send(form, VISIT, event.submitter);
});

// The answer to a request of htmx comes too late if the element that asked has left the page: another step is shown.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id === "replay" && !detail.elt.isConnected) detail.shouldSwap = false;
});

// htmx has swapped the replay: a job that the page waited for is done, or a step came at the second try.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "replay" || !root()) return;
  forget();
  tellShown(BACK);
});
