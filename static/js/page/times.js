/**
 * Times in the reader's zone. The server prints UTC, which stays in the tooltip. This rewrites the text of
 * `<time datetime>` and the word for the zone (`data-zone`). A switch shows UTC again; the choice is stored.
 */
const SHOWN = "time.time, time.precise, time.zoned, [data-zone]";
const MINUTE_MS = 60_000;

let isUTC = false;
try {
  isUTC = localStorage.getItem("times") === "utc";
} catch {
  // The browser refuses storage: times are local.
}

function showWithin(root) {
  for (const element of [root, ...root.querySelectorAll(SHOWN)]) if (element.matches(SHOWN)) show(element);
}

function show(element) {
  if (element.matches("time")) showTime(element);
  else element.textContent = isUTC ? "UTC" : "local";
}

function showTime(element) {
  const time = new Date(element.dateTime);
  const offsetMinutes = isUTC ? 0 : -time.getTimezoneOffset();
  const [written, clock] = new Date(time.getTime() + offsetMinutes * MINUTE_MS).toISOString().split(/[T.]/);
  const day = written.replace(/^\+0*/, ""); // of the year 10000, which begins in the reader's zone
  if (!element.matches(".time")) {
    const fraction = element.matches(".precise") ? (/\.\d+/.exec(element.dateTime)?.[0] ?? ".000000") : "";
    element.textContent = `${day} ${clock}${fraction} UTC${offsetMinutes ? offsetText(offsetMinutes) : ""}`;
  } else {
    const [date, rest] = element.childNodes;
    date.textContent = day.startsWith(`${new Date().getFullYear()}-`) ? day.slice(5) : day;
    rest.data = ` ${clock}`;
  }
}

const twoDigits = (n) => String(Math.trunc(n)).padStart(2, "0");

/** Whether the reader has switched to UTC. */
export const isShownInUTC = () => isUTC;

export function offsetText(offsetMinutes) {
  const minutes = Math.abs(Math.round(offsetMinutes));
  return `${offsetMinutes < 0 ? "−" : "+"}${twoDigits(minutes / 60)}:${twoDigits(minutes % 60)}`;
}

function showSwitch() {
  const button = document.querySelector("[data-times-switch]");
  if (!button) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(isUTC));
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-times-switch]")) return;
  isUTC = !isUTC;
  try {
    localStorage.setItem("times", isUTC ? "utc" : "local");
  } catch {
    // The browser refuses storage: the choice lasts as long as the page.
  }
  showWithin(document.body);
  showSwitch();
});

// New elements come from htmx and from sockets. An observer sees them all, before the browser paints them.
new MutationObserver((changes) => {
  if (isUTC) return;
  for (const { addedNodes } of changes) for (const node of addedNodes) if (node instanceof Element) showWithin(node);
}).observe(document.body, { childList: true, subtree: true });

if (!isUTC) showWithin(document.body);
showSwitch();
