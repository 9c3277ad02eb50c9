/**
 * A link that counts what came since the page was made. A page opts in by markup (events/_newer.html):
 * `<p data-newer="/ws/logs/…" data-after="42"><a hidden><b></b> in this stream</a><span hidden></span></p>`.
 */
import { Follower, WORDS } from "./follower.js";

// The element is a polite live region: it changes once in a while, however busy the log is.
const PAUSE = 1000;

class Newer {
  constructor(element) {
    this.element = element;
    this.count = 0;
    this.timer = 0;
    const { newer, after } = element.dataset;
    this.follower = new Follower(newer, {
      after: Number(after),
      counts: true,
      onFrame: ({ rows }) => this.receive(rows),
      onState: (state) => this.showState(state),
    });
  }

  receive(rows) {
    if (!this.element.isConnected) this.follower.end();
    this.count += rows;
    if (rows) this.timer ||= setTimeout(() => this.tell(), this.element.firstElementChild.hidden ? 0 : PAUSE);
  }

  showState(state) {
    const words = this.element.lastElementChild;
    words.textContent = WORDS[state];
    words.hidden = !WORDS[state];
  }

  tell() {
    this.timer = 0;
    const link = this.element.firstElementChild;
    link.querySelector("b").textContent =
      `${this.count.toLocaleString("en")} newer event${this.count === 1 ? "" : "s"}`;
    link.hidden = false;
  }
}

htmx.onLoad((content) => {
  if (content.matches("[data-newer]")) new Newer(content);
  for (const element of content.querySelectorAll("[data-newer]")) new Newer(element);
});
