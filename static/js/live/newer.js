/**
 * A link that counts the events which came since the page was made. The markup is events/_newer.html:
 * `<p data-newer="/ws/logs/…" data-after="42"><a hidden><b></b> in this stream</a><span hidden></span></p>`.
 */
import { WORDS } from "./connection.js";
import { Follower } from "./follower.js";

// Screen readers read each change of the element: it changes rarely, however busy the log is.
const MIN_INTERVAL_MS = 1000;

function countNewer(element) {
  const { newer: path, after } = element.dataset;
  const link = element.firstElementChild;
  const state = element.lastElementChild;
  let count = 0;
  let timer = 0;

  function show() {
    timer = 0;
    link.querySelector("b").textContent = `${count.toLocaleString("en")} newer event${count === 1 ? "" : "s"}`;
    link.hidden = false;
  }

  const follower = new Follower(path, {
    after: Number(after),
    counts: true,
    onFrame({ rows }) {
      if (!element.isConnected) follower.end();
      count += rows;
      if (rows) timer ||= setTimeout(show, link.hidden ? 0 : MIN_INTERVAL_MS);
    },
    onState(name) {
      state.textContent = WORDS[name];
      state.hidden = !WORDS[name];
    },
  });
}

htmx.onLoad((content) => {
  if (content.matches("[data-newer]")) countNewer(content);
  for (const element of content.querySelectorAll("[data-newer]")) countNewer(element);
});
