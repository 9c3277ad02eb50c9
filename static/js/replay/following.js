/** Follows the events that come to the source of a replay: a socket counts them, and the page is requested with them. */
import { Follower } from "../live/follower.js";
import { WORDS } from "../live/connection.js";
import { BACK } from "./address.js";
import { forget } from "./answers.js";
import { root } from "./current.js";
import { go } from "./steps.js";

export class Following {
  /** `onState()` is called when `words`, the state of the connection, change. */
  constructor(onState) {
    const { follow, head } = root().dataset;
    this.count = 0;
    this.words = "";
    this.follower = new Follower(follow, {
      after: Number(head),
      counts: true,
      onFrame: ({ rows }) => this.receive(rows),
      onState: (state) => {
        this.words = WORDS[state];
        onState();
      },
    });
  }

  receive(rows) {
    this.count += rows;
    if (rows) this.wake?.();
  }

  /** How many events came since the last call. Waits until there are some, or until the end. */
  async takeNew() {
    if (!this.count) {
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
    const { count } = this;
    this.count = 0;
    return count;
  }

  /** Request the step that is shown once more, with the events that came after it. */
  refresh() {
    forget();
    return go(root().dataset.here, BACK);
  }

  end() {
    this.follower.end();
    this.wake?.();
  }
}
