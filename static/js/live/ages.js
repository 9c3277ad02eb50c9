/**
 * Ages and deadlines run on by the server's clock, without a request. A part of the page that follows asks for news
 * (`data-follows`) only while the page is visible and Live is on; a page without that switch is always live.
 */
const TICK_MS = 1000;
const SECOND_MS = 1000;
const LOW_MS = 6 * SECOND_MS;

let clockAheadMs = 0;

/** The server's time minus ours, from the newest part of the page. */
function setClock() {
  const now = document.querySelector("[data-now]")?.dataset.now;
  if (now) clockAheadMs = Date.parse(now) - Date.now();
}

/** An age in the words of `brief_span()`. */
function briefSpan(ms) {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(seconds / 3600);
  const days = Math.floor(seconds / 86_400);
  if (days) return `${days.toLocaleString("en")} d ${hours % 24} h`;
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min` : `${seconds} s`;
}

function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function tick() {
  const now = Date.now() + clockAheadMs;
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const at = Date.parse(time.dateTime);
    time.textContent = clock(time.dataset.clock === "until" ? at - now : now - at);
  }
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const words = briefSpan(now - Date.parse(time.dateTime));
    if (time.textContent !== words) time.textContent = words;
  }
  for (const time of document.querySelectorAll("time[data-left]")) {
    const restMs = Date.parse(time.dateTime) - now;
    time.textContent = restMs > 0 ? briefSpan(restMs) : "passed";
    time.classList.toggle("low", restMs < LOW_MS);
    time.parentElement.querySelector("progress").value = Math.max(0, restMs / SECOND_MS);
  }
  for (const time of document.querySelectorAll("time[data-due]")) {
    const restMs = Date.parse(time.dateTime) - now;
    time.textContent = restMs > 0 ? `in ${briefSpan(restMs)}` : "with the next take";
  }
}

const live = document.getElementById("live");
const isLive = () => live?.getAttribute("aria-checked") !== "false";

if (live) {
  live.hidden = false;
  live.addEventListener("click", () => live.setAttribute("aria-checked", String(!isLive())));
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const follows = event.detail.elt.matches("[data-follows]");
  if (follows && (document.hidden || !isLive())) event.preventDefault();
});
document.addEventListener("htmx:afterSwap", setClock);

setClock();
setInterval(tick, TICK_MS);
