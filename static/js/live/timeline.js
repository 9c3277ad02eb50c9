/**
 * The live timeline. At the head with Live on, rows go in at the top as they come. Scrolled away or paused,
 * they are only counted; going back to the head fetches all after the last row that was drawn, as rows or, of
 * more than the page holds, as the newest and an exact gap. So nothing is kept here, and nothing is lost.
 */
import { announce, announceRows, plural } from "../page/announce.js";
import { Follower } from "./follower.js";

const MOST = 1000;
const NEAR_THE_TOP = 40;
// More than this at once is a burst: rows that fade in would only flicker.
const FEW = 50;

const get = (id) => document.getElementById(id);
/** The head's own address, in which "two hours ago" has become the time that it meant. */
function headUrl() {
  const url = new URL(location.href);
  url.search = get("timeline").dataset.head.slice(1);
  return url;
}
const number = (n) => n.toLocaleString("en");

class Live {
  constructor(timeline) {
    this.timeline = timeline;
    this.drawn = Number(timeline.dataset.seen);
    this.count = 0;
    this.on = true;
    this.follow(this.drawn);
    this.tell();
  }

  follow(after) {
    this.follower?.end();
    this.follower = new Follower(this.timeline.dataset.socket, {
      after,
      counts: !this.on,
      onFrame: (frame) => this.receive(frame),
      onState: showState,
    });
  }

  get isAtHead() {
    return this.on && scrollY < NEAR_THE_TOP;
  }

  receive({ position, rows, html }) {
    showHead(position);
    if (!rows && !this.count) this.drawn = position;
    if (!rows) return;
    if (!get("rows").hasAttribute("role")) {
      this.end(); // what said "nothing yet" or "nothing matches" becomes the timeline
      htmx.ajax("GET", location.href, { target: "#timeline", swap: "outerHTML" });
    } else if (this.isAtHead && !this.count) {
      this.draw(html);
      this.drawn = position;
      announceRows(rows);
    } else {
      this.count += rows;
      this.tell();
    }
  }

  draw(html) {
    const rows = get("rows");
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = [...template.content.children];
    if (fresh.length <= FEW) for (const row of fresh) row.querySelector(".event-row")?.classList.add("fresh");
    rows.prepend(...fresh);
    for (const row of fresh) htmx.process(row);
    while (rows.childElementCount > MOST) rows.lastElementChild.remove();
    this.leadOn(rows);
  }

  /** "Older" goes on after the last row that is still on the page. */
  leadOn(rows) {
    if (rows.childElementCount < MOST) return;
    const last = rows.lastElementChild;
    const oldest = last.dataset.first ?? last.querySelector("[data-position]").dataset.position;
    const url = headUrl();
    url.searchParams.set("before", oldest);
    const link = document.createElement("a");
    link.className = "link";
    link.id = "older";
    link.rel = "next";
    link.href = url;
    link.textContent = `Older than #${number(Number(oldest))}`;
    get("list-foot").replaceChildren(link);
  }

  /** Back to the head: fetch what waits. */
  catchUp() {
    this.count = 0;
    this.follow(this.drawn);
    this.tell();
  }

  resume() {
    this.on = true;
    showPausedAt(null);
    scrollTo({ top: 0 });
    this.catchUp();
  }

  pause() {
    this.on = false;
    showPausedAt(this.drawn);
    this.follow(this.follower.seen);
    this.tell();
  }

  toggle() {
    if (!get("pill")) return;
    if (this.on) this.pause();
    else this.resume();
  }

  tell() {
    const pill = get("pill");
    if (!pill) return;
    get("live").setAttribute("aria-checked", String(this.on));
    document.querySelector(".timeline").classList.toggle("is-paused", !this.on);
    pill.hidden = !(this.on && this.count);
    pill.querySelector("span").textContent = `${number(this.count)} new`;
    get("paused").hidden = this.on;
    get("paused-at").textContent = `#${number(this.drawn)}`;
    const waits = this.count === 1 ? "waits" : "wait";
    get("paused-count").textContent = this.count
      ? `${plural(this.count)} ${waits}; none is lost.`
      : "Nothing new so far.";
  }

  end() {
    this.follower.end();
  }
}

/** A page of older rows: only the head moves on. */
class Looking {
  constructor(timeline) {
    const { socket, seen } = timeline.dataset;
    const onFrame = ({ position }) => showHead(position);
    this.follower = new Follower(socket, { after: Number(seen), counts: true, onFrame, onState: showState });
  }

  toggle() {
    get("to-head")?.click();
  }

  end() {
    this.follower.end();
  }
}

let live = null;

function start() {
  live?.end();
  showState("open");
  const timeline = get("timeline");
  const isAtHead = "atHead" in timeline.dataset;
  get("live").hidden = false;
  get("live").setAttribute("aria-checked", String(isAtHead));
  for (const hint of document.querySelectorAll("[data-with-script]")) hint.hidden = false;
  live = isAtHead ? new Live(timeline) : new Looking(timeline);
}

function showHead(position) {
  const head = Math.max(position, 0);
  get("head-count").textContent = `${number(head)} event${head === 1 ? "" : "s"}`;
  const now = get("head-now");
  if (now) now.textContent = `#${number(head)}`;
}

/** A paused page's address is that of the rows on it: reloaded or passed on, it shows just these. */
function showPausedAt(position) {
  const url = headUrl();
  if (position !== null) url.searchParams.set("before", position + 1);
  history.replaceState(history.state, "", url);
}

/** The connection's state, in words. */
function showState(name) {
  const state = get("live-state");
  const words = {
    open: "",
    lost: "Reconnecting…",
    "signed-out": "You are signed out.",
    "not-a-member": "You may no longer read this log.",
    unreadable: "This query can’t be followed.",
  };
  const was = state.textContent;
  state.textContent = words[name];
  state.hidden = !words[name];
  state.classList.toggle("warn", Boolean(words[name]));
  if (name === "signed-out") {
    const link = document.createElement("a");
    link.className = "link";
    link.href = location.href; // which asks who comes without a session to sign in, and leads back
    link.textContent = "Sign in again";
    state.append(" ", link);
  }
  if (words[name]) announce(state.textContent);
  else if (was) announce("Connected again.");
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#live")) live.toggle();
  else if (event.target.closest("#pill, #resume")) live.resume();
});
addEventListener("scroll", () => live.count && live.isAtHead && live.catchUp(), { passive: true });
document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "timeline" && start());

start();
