/**
 * The timeline at the head of the log. While the reader is at the top and Live is on, rows come in as they happen.
 * Otherwise they are only counted. Back at the top, the page fetches all rows after the last one that was drawn; if they
 * are more than it holds, it shows the newest and an exact gap. So the page keeps no queue, and no row is lost.
 */
import { announceRows, plural } from "../page/announce.js";
import { showConnection } from "./connection-state.js";
import { Follower } from "./follower.js";
import { formatNumber, showHead, showPausedAt } from "./head.js";
import { drawRows } from "./rows.js";

const NEAR_TOP_PX = 40;

const get = (id) => document.getElementById(id);

export class LiveList {
  constructor(timeline) {
    this.path = timeline.dataset.socket;
    /** The position up to which all rows are drawn. */
    this.drawn = Number(timeline.dataset.seen);
    /** How many rows came and are not drawn. */
    this.waiting = 0;
    this.isOn = true;
    this.follow(this.drawn);
    this.show();
  }

  follow(after) {
    this.follower?.end();
    this.follower = new Follower(this.path, {
      after,
      counts: !this.isOn,
      onFrame: (frame) => this.receive(frame),
      onState: showConnection,
    });
  }

  get isAtTop() {
    return this.isOn && scrollY < NEAR_TOP_PX;
  }

  receive({ position, rows, html }) {
    showHead(position);
    if (!rows && !this.waiting) this.drawn = position;
    if (!rows) return;
    if (!get("rows").hasAttribute("role")) {
      this.end();
      // The words that nothing is there, or that nothing matches, give way to the list.
      htmx.ajax("GET", location.href, { target: "#timeline", swap: "outerHTML" });
    } else if (this.isAtTop && !this.waiting) {
      drawRows(html);
      this.drawn = position;
      announceRows(rows);
    } else {
      this.waiting += rows;
      this.show();
    }
  }

  /** Fetch the rows that wait. */
  catchUp() {
    this.waiting = 0;
    this.follow(this.drawn);
    this.show();
  }

  onScroll() {
    if (this.waiting && this.isAtTop) this.catchUp();
  }

  resume() {
    this.isOn = true;
    showPausedAt(null);
    scrollTo({ top: 0 });
    this.catchUp();
  }

  pause() {
    this.isOn = false;
    showPausedAt(this.drawn);
    this.follow(this.follower.position);
    this.show();
  }

  toggle() {
    if (!get("pill")) return;
    if (this.isOn) this.pause();
    else this.resume();
  }

  show() {
    const pill = get("pill");
    if (!pill) return;
    get("live").setAttribute("aria-checked", String(this.isOn));
    document.querySelector(".timeline").classList.toggle("is-paused", !this.isOn);
    pill.hidden = !(this.isOn && this.waiting);
    pill.querySelector("span").textContent = `${formatNumber(this.waiting)} new`;
    get("paused").hidden = this.isOn;
    get("paused-at").textContent = `#${formatNumber(this.drawn)}`;
    const verb = this.waiting === 1 ? "waits" : "wait";
    get("paused-count").textContent = this.waiting
      ? `${plural(this.waiting)} ${verb}; no event is lost.`
      : "No new events so far.";
  }

  end() {
    this.follower.end();
  }
}
