/**
 * From step to step of a replay. Each step shown is what the server answered for its address; those ahead are asked for
 * before they are wanted. One comes after the other: what is pressed meanwhile waits, and none is left out.
 *
 * An answer leaves out the list and the strip where they are the window's that is shown: these stay, and are marked here.
 * Whoever wants to know when a step is shown listens to `replay:step`; to why one was not, to `replay:failed`.
 */
/** How one comes to a step: VISIT is a place to come back to, RUN one of many in passing, BACK is that coming
 * back, or staying. */
export const VISIT = "visit";
export const RUN = "run";
export const BACK = "back";
const AHEAD = 6;
// Browsers let a page change its address some ten times a second at the most.
const ADDRESS = 400;

export const root = () => document.getElementById("replay");
export const list = () => [...document.querySelectorAll(".step > a")];
export const way = (name) => document.querySelector(`a[data-step="${name}"]`)?.href;

/** @type {Map<string, {html: string, isKept: boolean}>} by address; of the window that is shown */
let ahead = new Map();
let isAsking = false;
let by = 1;
let turn = Promise.resolve();
let round = 0;
let waiting = 0;
let late;
let timer;

/** Go to where a function leads from the step that is shown when its turn comes; nowhere if it leads nowhere. */
export function press(leads, how = VISIT) {
  const mine = round;
  waiting += 1;
  const take = async () => {
    const url = mine === round && leads();
    if (url) await show(url, how);
  };
  turn = turn.then(take, take).finally(() => (waiting -= 1));
  return turn;
}

/** Go to a step, instead of to any that wait. */
export function go(url, how = VISIT) {
  round += 1;
  return press(() => new URL(url, location).href, how);
}

export const isIdle = () => !waiting;

async function show(url, how) {
  const answer = ahead.get(url) ?? (await ask(url));
  if (!answer) return fail(url);
  const before = place();
  swap(answer.html);
  by = place() < before ? -1 : 1;
  address(how);
  tell(how);
  askAhead();
  await painted();
}

const place = () => Number(new URL(root().dataset.here, location).pathname.split("/").at(-1));
const tell = (how) => document.dispatchEvent(new CustomEvent("replay:step", { detail: { how } }));

/** What the server says of a step; null where it says nothing that could be shown. */
async function ask(url) {
  const headers = { "HX-Request": "true", "X-Window": root().dataset.window };
  try {
    const answer = await fetch(url, { headers, cache: "no-store" });
    const html = await answer.text();
    return answer.ok && !/^\s*<!doctype/i.test(html) ? { html, isKept: html.includes('<div id="steps">') } : null;
  } catch {
    return null;
  }
}

/** htmx asks once more, and says what went wrong. */
function fail(url) {
  round += 1;
  document.dispatchEvent(new CustomEvent("replay:failed"));
  return htmx.ajax("GET", url, { target: "#replay", swap: "outerHTML show:none" }).catch(() => {});
}

/** Ask for the steps that come next, one after the other, up to where the window ends. */
async function askAhead() {
  if (isAsking) return;
  isAsking = true;
  for (let url = wanted(); url; url = wanted()) {
    const { window } = root().dataset;
    const answer = await ask(url);
    if (!answer) break;
    if (root().dataset.window === window) ahead.set(url, answer);
  }
  isAsking = false;
}

/** The next step to be asked for; forgets those that are behind. */
function wanted() {
  const links = list();
  const now = links.findIndex((link) => link.hasAttribute("aria-current"));
  if (now < 0 || !root().dataset.window) return undefined;
  const next = (by > 0 ? links.slice(now + 1, now + 1 + AHEAD) : links.slice(Math.max(now - AHEAD, 0), now).reverse()).map(({ href }) => href);
  ahead = new Map(next.filter((url) => ahead.has(url)).map((url) => [url, ahead.get(url)]));
  const end = next.findIndex((url) => ahead.get(url)?.isKept === false);
  return (end < 0 ? next : next.slice(0, end)).find((url) => !ahead.has(url));
}

/** What is known ahead may be out of date: more has happened. */
export const forget = () => ahead.clear();

function swap(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = template.content.getElementById("replay");
  const old = root();
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const scrolled = old.querySelector("#state .pane-body").scrollTop;
  if (fresh.querySelector("div#steps")) {
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    renew(old, fresh);
    mark();
  } else {
    forget();
    old.replaceWith(fresh);
    live(fresh);
  }
  document.querySelector("#state .pane-body").scrollTop = scrolled;
  if (focused) keepFocus(focused);
}

/** Put what is new around list and strip. These stay where they are: moved, they would all have to be drawn again. */
function renew(old, fresh) {
  const stays = (part) => part.matches("#strip, #steps, .panes");
  for (const part of [...old.children]) if (!stays(part)) part.remove();
  let after = null;
  for (const part of [...fresh.children].reverse()) {
    const kept = stays(part) && [...old.children].find((each) => each.matches(part.id ? `#${part.id}` : ".panes"));
    if (kept && !part.id) renew(kept, part);
    if (!kept) old.insertBefore(part, after);
    if (!kept) live(part);
    after = kept || part;
  }
}

function live(part) {
  htmx.process(part);
  htmx.trigger(part, "htmx:load");
}

/** Mark which step of a list and a strip that stay is the current one. */
function mark() {
  const links = list();
  const { here } = root().dataset;
  const now = links.findIndex((link) => link.getAttribute("href") === here);
  links.forEach((link, i) => {
    link.parentElement.classList.toggle("now", i === now);
    link.parentElement.classList.toggle("ahead", i > now);
    if (i === now) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  });
  const columns = [...document.querySelectorAll("#strip .column")];
  const column = columns.findIndex((link) => link.getAttribute("href") === here);
  columns.forEach((link, i) => {
    link.classList.toggle("now", i === column);
    link.classList.toggle("ahead", i > column);
  });
  const left = (i) => columns[i]?.querySelector(".hit").getAttribute("x");
  put(".now-column", left(column) ?? "-100%");
  put(".playhead", columns[column]?.querySelector("svg").getAttribute("x") ?? "-100%");
  put(".future", left(column + 1) ?? "100%");
}

const put = (what, x) => document.querySelector(`#strip ${what}`).setAttribute("x", x);

function keepFocus(was) {
  if (was.isConnected) was.focus({ preventScroll: true });
  const heir = (was.id && document.getElementById(was.id)) || document.querySelector('[aria-current="step"]');
  if (document.activeElement === document.body) heir?.focus({ preventScroll: true });
}

/** Those of a run get the page's address a little later. */
function address(how) {
  if (how === RUN) {
    late = root().dataset.here;
    timer ||= setTimeout(readdress, ADDRESS);
    return;
  }
  readdress();
  if (how === VISIT) history.pushState({ step: true }, "", root().dataset.here);
}

/** Make the page's address the one of the step that is shown. */
export function readdress() {
  clearTimeout(timer);
  timer = undefined;
  if (late) history.replaceState({ step: true }, "", late);
  late = undefined;
}

/** When it is on the screen: a page that is hidden is never painted. */
const painted = () => new Promise((resolve) => (document.hidden ? setTimeout(resolve) : requestAnimationFrame(resolve)));

// What a browser remembers of a page that it left is all on it again when it comes back: the step.
history.replaceState({ step: true }, "");
addEventListener("popstate", ({ state }) => state?.step && go(location.href, BACK));

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#replay [data-steps] a[href]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.href);
});

// A part of the page that htmx has fetched: the answer of a job that is waited for, or the one after a failure.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "replay" || !root()) return;
  forget();
  tell(BACK);
});
