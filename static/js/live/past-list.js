/** The timeline at a page of older rows: only the head of the log moves. */
import { showConnection } from "./connection-state.js";
import { Follower } from "./follower.js";
import { showHead } from "./head.js";

export class PastList {
  constructor(timeline) {
    const { socket, seen } = timeline.dataset;
    this.follower = new Follower(socket, {
      after: Number(seen),
      counts: true,
      onFrame: ({ position }) => showHead(position),
      onState: showConnection,
    });
  }

  /** Live leads to the head. */
  toggle() {
    document.getElementById("to-head")?.click();
  }

  onScroll() {}

  end() {
    this.follower.end();
  }
}
