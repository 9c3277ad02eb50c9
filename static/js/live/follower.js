/**
 * A socket that follows a log from a position. Whatever happens to the connection, the next one goes on from
 * the last position seen, so that no row is lost and none comes twice.
 */
const RETRY_FIRST = 500;
const RETRY_LAST = 10_000;
// The server speaks every 15 seconds. A connection that was cut silently says so only by its silence.
const SILENCE = 40_000;
/** A connection's state, in words. */
export const WORDS = {
  open: "",
  lost: "Reconnecting…",
  "signed-out": "You are signed out.",
  "not-a-member": "You may no longer read this log.",
};
const ENDS = { 4400: "unreadable", 4401: "signed-out", 4404: "not-a-member" };

export class Follower {
  /**
   * `onFrame({ position, rows, html })` for each frame; `onState` with "open", "lost", "signed-out",
   * "not-a-member" or "unreadable". With `counts` no rows are sent, only how many there are.
   */
  constructor(path, { after, counts = false, onFrame, onState = () => {} }) {
    this.url = new URL(path, location.href);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    if (counts) this.url.searchParams.set("counts", "on");
    this.seen = after;
    this.onFrame = onFrame;
    this.onState = onState;
    this.retry = RETRY_FIRST;
    this.connect();
  }

  connect() {
    this.url.searchParams.set("after", this.seen);
    this.socket = new WebSocket(this.url);
    this.listen();
    this.socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    this.socket.onclose = ({ code }) => this.lose(code);
  }

  receive(frame) {
    this.listen();
    this.retry = RETRY_FIRST;
    this.tell("open");
    this.seen = frame.position;
    this.onFrame(frame);
  }

  /** Until it has been silent for too long. */
  listen() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { socket } = this;
      socket.onclose = null;
      socket.close();
      this.lose();
    }, SILENCE);
  }

  lose(code) {
    clearTimeout(this.timer);
    this.tell(ENDS[code] ?? "lost");
    if (code in ENDS) return;
    // Spread out, so that a restarted server isn't met by everybody at once.
    this.timer = setTimeout(() => this.connect(), this.retry * (0.75 + Math.random() / 2));
    this.retry = Math.min(this.retry * 2, RETRY_LAST);
  }

  tell(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }

  end() {
    clearTimeout(this.timer);
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }
}
