/**
 * When an event is redacted, a page that is open takes its content off the screen. What a page shows may be made of many
 * events, as a state is, so it is loaded again. Only the timeline replaces rows (redacted-rows.js).
 */
import { showConnection } from "./connection-state.js";
import { Follower } from "./follower.js";

// A script may redact many events. The page is not loaded again before it was there for this long.
const MIN_AGE_MS = 2000;

const app = document.querySelector("[data-redactions]");

function loadAgain() {
  setTimeout(() => location.reload(), Math.max(MIN_AGE_MS - performance.now(), 0));
}

if (app && !document.getElementById("timeline")) {
  const { redactions: path, after } = app.dataset;
  const follower = new Follower(path, {
    after: Number(after),
    counts: true,
    onFrame() {},
    // A connection that is lost comes back in a moment: words above the page would only move it up and down.
    onState: (name) => name === "lost" || showConnection(name),
  });
  document.addEventListener("log:redacted", loadAgain, { once: true });
  addEventListener("pagehide", () => follower.end());
}

// The browser may keep a page in memory when the reader leaves it. Back on it, it is loaded again before it is shown: an
// event may have been redacted meanwhile.
addEventListener("pagehide", ({ persisted }) => {
  if (persisted) document.documentElement.hidden = true;
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
