/** If a part of the page can't be fetched, the page says so in that part. What the part showed before stays. */
const NOT_FOUND = "This does not exist, or you may no longer see it.";
const UNREACHABLE = "The server can’t be reached. The page still shows the old content.";

function wordsFor(status) {
  if (status === 404) return NOT_FOUND;
  return status ? `The server answered ${status}; its own log says why.` : UNREACHABLE;
}

function show({ detail: { target, elt, xhr } }) {
  // The completions of a field may fail in silence.
  if (!target || target.matches("datalist")) return;
  const answer = document.getElementById("failed").content.firstElementChild.cloneNode(true);
  answer.querySelector("p").textContent = wordsFor(xhr.status);
  clear(target);
  if (target.contains(elt) && elt.matches(".event-row")) elt.after(answer);
  else target.prepend(answer);
}

const clear = (target) => target?.querySelector(":scope > .failed")?.remove();

document.addEventListener("htmx:responseError", show);
document.addEventListener("htmx:sendError", show);
document.addEventListener("htmx:beforeRequest", ({ detail }) => clear(detail.target));

// The answer is a whole page instead of a part: the session is over, and this is the page to sign in on. A reload leads
// there and back.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!/^\s*<!doctype/i.test(detail.serverResponse)) return;
  detail.shouldSwap = false;
  location.reload();
});
