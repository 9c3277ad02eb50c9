/**
 * Times in the viewer's zone. The server prints UTC, which stays in the tooltip; what it prints as `<time datetime>` is
 * rewritten here, and so is the word for the zone (`data-zone`). A switch turns it all back, and is kept for the next visit.
 */
const SHOWN = "time.time, time.precise, [data-zone]";
const MINUTE = 60_000;

let isUTC = false;
try {
  isUTC = localStorage.getItem("times") === "utc";
} catch {
  // Storage may be refused: it is local time, then.
}

function retime(root) {
  for (const element of [root, ...root.querySelectorAll(SHOWN)]) if (element.matches(SHOWN)) show(element);
}

function show(element) {
  if (!element.matches("time")) {
    element.textContent = isUTC ? "UTC" : "local";
    return;
  }
  const at = new Date(element.dateTime);
  const minutes = isUTC ? 0 : -at.getTimezoneOffset();
  const [day, clock] = new Date(at.getTime() + minutes * MINUTE).toISOString().split(/[T.]/);
  if (element.matches(".precise")) {
    const fraction = /\.\d+/.exec(element.dateTime)?.[0] ?? ".000000";
    element.textContent = `${day} ${clock}${fraction} UTC${minutes ? ahead(minutes) : ""}`;
  } else {
    const [date, rest] = element.childNodes;
    date.textContent = day.startsWith(`${new Date().getFullYear()}-`) ? day.slice(5) : day;
    rest.data = ` ${clock}`;
  }
}

function ahead(minutes) {
  const whole = Math.abs(Math.round(minutes));
  const two = (n) => String(Math.trunc(n)).padStart(2, "0");
  return `${minutes < 0 ? "−" : "+"}${two(whole / 60)}:${two(whole % 60)}`;
}

function showSwitch() {
  const button = document.querySelector("[data-times-switch]");
  if (!button) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(isUTC));
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-times-switch]")) return;
  isUTC = !isUTC;
  try {
    localStorage.setItem("times", isUTC ? "utc" : "local");
  } catch {
    // The choice then lasts as long as the page.
  }
  retime(document.body);
  showSwitch();
});

// Rows come by htmx and by sockets: whoever puts them in, they are rewritten before they are painted.
new MutationObserver((changes) => {
  if (isUTC) return;
  for (const { addedNodes } of changes) for (const node of addedNodes) if (node instanceof Element) retime(node);
}).observe(document.body, { childList: true, subtree: true });

if (!isUTC) retime(document.body);
showSwitch();
