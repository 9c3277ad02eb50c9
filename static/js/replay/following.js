/** News of what is replayed: how many events came since the page was made, counted by a socket, and the page with them. */
import { Follower, WORDS } from "../live/follower.js";
import { BACK, forget, go, root } from "./steps.js";

export class Following {
  /** `onState()` when there is something else to be said of the connection, in `words`. */
  constructor(onState) {
    const { follow, head } = root().dataset;
    this.count = 0;
    this.words = "";
    this.follower = new Follower(follow, {
      after: Number(head),
      counts: true,
      onFrame: ({ rows }) => this.receive(rows),
      onState: (state) => {
        this.words = WORDS[state] ?? "This query can’t be followed.";
        onState();
      },
    });
  }

  receive(rows) {
    this.count += rows;
    if (rows) this.wake?.();
  }

  /** How many came since this was asked last; waits for some, or for the end. */
  async news() {
    if (!this.count) await new Promise((resolve) => (this.wake = resolve));
    const { count } = this;
    this.count = 0;
    return count;
  }

  /** The same step once more, with what came after it. */
  look() {
    forget();
    return go(root().dataset.here, BACK);
  }

  end() {
    this.follower.end();
    this.wake?.();
  }
}
