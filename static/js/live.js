/**
 * Live rows. A socket sends frames of rows from a position on; whatever happens to the connection, the next
 * one goes on from the last position seen, so that no row is lost and none comes twice.
 *
 * At the head with Live on, rows go in at the top. Scrolled away or paused, they wait in a fragment and are
 * counted. The page keeps MOST rows; a wait longer than that is answered by loading the head anew.
 */
const MOST = 1000;
const NEAR_THE_TOP = 40;
const RETRY_FIRST = 500;
const RETRY_LAST = 10_000;
const NO_LONGER_A_MEMBER = 4404;

const get = (id) => document.getElementById(id);
const plural = (n) => `${n.toLocaleString("en")} new event${n === 1 ? "" : "s"}`;

class Live {
  constructor(timeline) {
    this.timeline = timeline;
    this.seen = Number(timeline.dataset.seen);
    this.waiting = document.createDocumentFragment();
    this.count = 0;
    this.isLong = false;
    this.on = true;
    this.retry = RETRY_FIRST;
    this.connect();
  }

  connect() {
    const url = new URL(this.timeline.dataset.socket, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("after", this.seen);
    this.socket = new WebSocket(url);
    this.socket.onopen = () => {
      this.retry = RETRY_FIRST;
      say("");
    };
    this.socket.onmessage = (message) => this.receive(JSON.parse(message.data));
    this.socket.onclose = ({ code }) => (code === NO_LONGER_A_MEMBER ? this.leave() : this.reconnect());
  }

  leave() {
    this.end();
    say("You may no longer read this log.", true);
  }

  reconnect() {
    if (this.ended) return;
    say("Reconnecting…", true);
    // Spread out, so that a restarted server isn't met by everybody at once.
    this.timer = setTimeout(() => this.connect(), this.retry * (0.75 + Math.random() / 2));
    this.retry = Math.min(this.retry * 2, RETRY_LAST);
  }

  receive({ position, rows, html }) {
    this.seen = position;
    get("head-count").textContent = `${position.toLocaleString("en")} event${position === 1 ? "" : "s"}`;
    if (!rows) return;
    if (!get("rows")?.hasAttribute("role")) {
      this.end(); // what said "nothing yet" or "nothing matches" becomes the timeline
      htmx.ajax("GET", location.href, { target: "#timeline", swap: "outerHTML" });
      return;
    }
    const template = document.createElement("template");
    template.innerHTML = html;
    this.waiting.prepend(template.content);
    this.count += rows;
    if (this.waiting.childElementCount > MOST) {
      this.waiting.replaceChildren();
      this.isLong = true;
    }
    if (this.on && scrollY < NEAR_THE_TOP) this.flush();
    else this.tell();
  }

  /** Put the waiting rows in. */
  flush() {
    const rows = get("rows");
    const count = this.count;
    if (!count) return;
    if (this.isLong) {
      location.assign(this.timeline.dataset.head);
      return;
    }
    for (const row of this.waiting.querySelectorAll(".event-row")) row.classList.add("fresh");
    rows.prepend(this.waiting);
    this.count = 0;
    while (rows.childElementCount > MOST) rows.lastElementChild.remove();
    this.leadOn(rows);
    announce(plural(count));
    this.tell();
  }

  /** "Older" goes on after the last row that is still on the page. */
  leadOn(rows) {
    const last = rows.lastElementChild?.querySelector("[data-position]");
    if (rows.childElementCount < MOST || !last) return;
    const url = new URL(location.href);
    url.searchParams.delete("after");
    url.searchParams.set("before", last.dataset.position);
    const link = document.createElement("a");
    link.className = "link";
    link.id = "older";
    link.rel = "next";
    link.href = url;
    link.textContent = `Older than #${Number(last.dataset.position).toLocaleString("en")}`;
    get("list-foot").replaceChildren(link);
  }

  /** Go to the head and be live there. */
  resume() {
    this.on = true;
    scrollTo({ top: 0 });
    this.flush();
    this.tell();
  }

  toggle() {
    if (!this.on) this.resume();
    else {
      this.on = false;
      this.tell();
    }
  }

  tell() {
    const pill = get("pill");
    if (!pill) return;
    get("live").setAttribute("aria-checked", String(this.on));
    document.querySelector(".timeline").classList.toggle("is-paused", !this.on);
    pill.hidden = !(this.on && this.count);
    pill.querySelector("span").textContent = `${this.count.toLocaleString("en")} new`;
    get("paused").hidden = this.on;
    const waits = this.count === 1 ? "waits" : "wait";
    get("paused-count").textContent = this.count ? `${plural(this.count)} ${waits}; none is lost.` : "Nothing new so far.";
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}

let live = null;

function start() {
  live?.end();
  live = null;
  say("");
  const timeline = get("timeline");
  const button = get("live");
  button.hidden = false;
  for (const hint of document.querySelectorAll("[data-with-script]")) hint.hidden = false;
  button.setAttribute("aria-checked", String("atHead" in timeline.dataset));
  if ("atHead" in timeline.dataset) live = new Live(timeline);
}

/** The connection's state, in words. */
function say(text, isWarning = false) {
  const state = get("live-state");
  state.hidden = !text;
  state.textContent = text;
  state.classList.toggle("warn", isWarning);
  if (text) announce(text);
}

let announcing = 0;

/** Say it to screen readers, once a second at the most. */
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => (get("announce").textContent = text), 1000);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#live")) live ? live.toggle() : get("to-head")?.click();
  else if (event.target.closest("#pill, #resume")) live?.resume();
});
addEventListener("scroll", () => live?.on && scrollY < NEAR_THE_TOP && live.flush(), { passive: true });
document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "timeline" && start());

start();
