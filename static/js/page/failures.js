/** A part of the page that could not be fetched says so in its place; what was there stays. */
const GONE = "It is not there, or you may not see it any more.";
const AWAY = "The server can’t be reached. What you see is what was there before.";

function show({ detail }) {
  const { target, elt, xhr } = detail;
  if (!target || target.matches("datalist")) return; // what completes a field may fail in silence
  const answer = document.getElementById("failed").content.firstElementChild.cloneNode(true);
  answer.querySelector("p").textContent =
    xhr.status === 404 ? GONE : xhr.status ? `The server answered ${xhr.status}; its own log says why.` : AWAY;
  clear(target);
  if (target.contains(elt) && elt.matches(".event-row")) elt.after(answer);
  else target.prepend(answer);
}

const clear = (target) => target?.querySelector(":scope > .failed")?.remove();

document.addEventListener("htmx:responseError", show);
document.addEventListener("htmx:sendError", show);
document.addEventListener("htmx:beforeRequest", ({ detail }) => clear(detail.target));

// A whole page instead of a part is the one to sign in on: the session is over. Loading this page leads there, and back.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!/^\s*<!doctype/i.test(event.detail.serverResponse)) return;
  event.detail.shouldSwap = false;
  location.reload();
});
