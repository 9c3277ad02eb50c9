/**
 * Follows a log over a socket, from a position on. If the connection is lost, the next one continues after the last
 * position that came, so no row is lost and none comes twice.
 */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
// The server sends something every 15 seconds. A connection that was cut without a word is known by its silence.
const MAX_SILENCE_MS = 40_000;
/** The codes with which the server closes a socket for good, as keys of `WORDS` in connection.js. */
const FINAL_CODES = { 4400: "unreadable", 4401: "signed-out", 4404: "not-a-member" };
/** The code of a socket that is one too many: there is room when the reader closes another page. */
const TOO_MANY = 4429;

/** Other modules take the content of redacted events off the page. `redacted` has the rows of these events by position. */
function tellRedacted(redacted) {
  if (Object.keys(redacted).length) document.dispatchEvent(new CustomEvent("log:redacted", { detail: redacted }));
}

export class Follower {
  /**
   * `onFrame({ position, rows, html })` is called for each frame, `onState` with a key of `WORDS` when the state of the
   * connection changes. With `counts` the server sends no rows, only their number.
   */
  constructor(path, { after, counts = false, onFrame, onState = () => {} }) {
    this.url = new URL(path, location.href);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    if (counts) this.url.searchParams.set("counts", "on");
    this.position = after;
    this.onFrame = onFrame;
    this.onState = onState;
    this.retryMs = FIRST_RETRY_MS;
    this.connect();
  }

  connect() {
    this.url.searchParams.set("after", this.position);
    this.socket = new WebSocket(this.url);
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.socket.addEventListener("message", ({ data }) => this.receive(JSON.parse(data)), { signal });
    this.socket.addEventListener("close", ({ code }) => this.lose(code), { signal });
    this.expectFrame();
  }

  receive(frame) {
    this.expectFrame();
    this.retryMs = FIRST_RETRY_MS;
    this.tell("open");
    this.position = frame.position;
    tellRedacted(frame.redacted);
    this.onFrame(frame);
  }

  expectFrame() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.end();
      this.lose();
    }, MAX_SILENCE_MS);
  }

  lose(code) {
    clearTimeout(this.timer);
    this.tell(FINAL_CODES[code] ?? (code === TOO_MANY ? "too-many" : "lost"));
    if (code in FINAL_CODES) return;
    if (code === TOO_MANY) this.retryMs = LAST_RETRY_MS;
    // The delays differ, so that a restarted server isn't met by all browsers at once.
    this.timer = setTimeout(() => this.connect(), this.retryMs * (0.75 + Math.random() / 2));
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  tell(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }

  end() {
    clearTimeout(this.timer);
    this.listening.abort();
    this.socket.close();
  }
}
