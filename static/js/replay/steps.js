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
// What an answer has in the place of list and strip.
const KEPT = "div#steps, div#strip:empty";
const AHEAD = 6;
// Browsers let a page change its address some ten times a second at the most.
const ADDRESS = 400;

export const root = () => document.getElementById("replay");
export const list = () => [...document.querySelectorAll(".step > a")];
export const way = (name) => document.querySelector(`a[data-step="${name}"]`)?.href;

/** What was asked for ahead, by address; `end` is the one behind which another window begins. */
let ahead = new Map();
let end;
let isAsking = false;
let by = 1;
let turn = Promise.resolve();
let round = 0;
// How often the browser led back or forth: the step that is on its way then is not wanted any more.
let returns = 0;
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
  return press(() => here(url), how);
}

export const isIdle = () => !waiting;

async function show(url, how) {
  const mine = returns;
  let answer = await (ahead.get(url) ?? ask(url));
  if (answer?.isKept && answer.window !== root().dataset.window) answer = await ask(url);
  if (mine !== returns) return;
  if (!answer) return fail(url, how);
  const before = place();
  swap(answer.html);
  by = place() < before ? -1 : 1;
  address(how);
  tell(how);
  askAhead();
  await painted();
}

/** Where a step stands in what is replayed. */
export const place = (url = root().dataset.here) => Number(new URL(url, location).pathname.split("/").at(-1));
const tell = (how) => document.dispatchEvent(new CustomEvent("replay:step", { detail: { how } }));

/** What the server says of a step; null where it says nothing that could be shown. `isKept`: it goes with a `window`. */
async function ask(url) {
  const { window } = root().dataset;
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true", "X-Window": window }, cache: "no-store" });
    const html = await answer.text();
    if (!answer.ok || /^\s*<!doctype/i.test(html)) return null;
    return { html, window, isKept: html.includes('<div id="steps">') };
  } catch {
    return null;
  }
}

/** htmx asks once more, and says what went wrong. */
async function fail(url, how) {
  const mine = returns;
  round += 1;
  forget();
  document.dispatchEvent(new CustomEvent("replay:failed"));
  await htmx.ajax("GET", url, { target: "#replay", swap: "outerHTML show:none" }).catch(() => {});
  if (mine === returns) address(how);
}

/** Ask for the steps that come next, one after the other, up to where the window ends. */
async function askAhead() {
  if (isAsking) return;
  isAsking = true;
  for (let url = wanted(); url; url = wanted()) {
    const asked = ask(url);
    ahead.set(url, asked);
    const answer = await asked;
    if (!answer) break;
    if (!answer.isKept) end = url;
  }
  isAsking = false;
}

/** The next step to be asked for; forgets those that are behind. */
function wanted() {
  const links = list();
  const now = links.findIndex((link) => link.hasAttribute("aria-current"));
  if (now < 0 || !root().dataset.window) return undefined;
  const way = by > 0 ? links.slice(now + 1) : links.slice(0, now).reverse();
  const next = way.slice(0, AHEAD).map(({ href }) => href);
  ahead = new Map(next.filter((url) => ahead.has(url)).map((url) => [url, ahead.get(url)]));
  const upto = ahead.has(end) ? next.slice(0, next.indexOf(end)) : next;
  return upto.find((url) => !ahead.has(url));
}

/** What is known ahead may be out of date: more has happened. */
export function forget() {
  ahead.clear();
}

function swap(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const { window } = root().dataset;
  const again = focused();
  become(root(), template.content.getElementById("replay"));
  if (document.activeElement === document.body) again()?.focus({ preventScroll: true });
  if (root().dataset.window === window) mark();
  else forget();
}

/** What finds again what has the focus, when its part of the page was made anew. A row of the state is known by its pin. */
function focused() {
  const now = document.activeElement;
  if (now.id) return () => document.getElementById(now.id);
  const pin = now.closest("#state li")?.querySelector(":scope > .tail > .pin");
  const what = now.matches("summary") ? "summary" : ".why-of";
  return () => pin && document.getElementById(pin.id)?.closest("li").querySelector(what);
}

/**
 * Make a part of the page what another is and leave alone what is the same, as most of a state is from step to step: it
 * need not be drawn again, and keeps the focus and where it was scrolled to.
 */
function become(old, fresh) {
  if (fresh.matches(KEPT) || old.isEqualNode(fresh)) return;
  if (!isAlike(old, fresh)) {
    old.replaceWith(fresh);
    live(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  // What is being written is not written over.
  if (fresh.matches("input") && old !== document.activeElement) old.value = fresh.value;
  let rest = [...old.children];
  for (const part of [...fresh.children]) {
    const at = rest.findIndex((each) => isSame(each, part));
    if (at < 0) {
      old.insertBefore(part, rest[0] ?? null);
      live(part);
      continue;
    }
    for (const gone of rest.slice(0, at)) gone.remove();
    become(rest[at], part);
    rest = rest.slice(at + 1);
  }
  for (const gone of rest) gone.remove();
}

function live(part) {
  htmx.process(part);
  htmx.trigger(part, "htmx:load");
}

/** Whether a part is the one that stood there before. */
const isSame = (old, fresh) =>
  old.id === fresh.id &&
  (fresh.matches(KEPT) || (old.tagName === fresh.tagName && old.classList[0] === fresh.classList[0]));

/** Whether the two may differ in attributes and in what is within them only. A row that changed is another: it flashes. */
const isAlike = (old, fresh) =>
  old.tagName === fresh.tagName &&
  old.id === fresh.id &&
  !hasText(old) &&
  !hasText(fresh) &&
  !old.matches("[hx-get]") &&
  !fresh.matches(".step, .tree-row, .tree-item, [hx-get], svg");

const hasText = (part) => [...part.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

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

/** Those of a run get the page's address a little later. */
function address(how) {
  if (how === RUN) {
    late = root().dataset.here;
    timer ||= setTimeout(readdress, ADDRESS);
    return;
  }
  readdress();
  const url = new URL(root().dataset.address || root().dataset.here, location).href;
  if (how === VISIT && url !== location.href) history.pushState({ step: true }, "", url);
}

/** Make the page's address the one of the step that is shown. */
export function readdress() {
  clearTimeout(timer);
  timer = undefined;
  if (late) history.replaceState({ step: true }, "", late);
  late = undefined;
}

/** When it is on the screen: a page that is hidden is never painted. */
const painted = () =>
  new Promise((resolve) => (document.hidden ? setTimeout(resolve) : requestAnimationFrame(resolve)));

// What a browser remembers of a page that it left is all on it again when it comes back: the step.
history.replaceState({ step: true }, "");
addEventListener("popstate", ({ state }) => {
  returns += 1;
  // That of a run was for the entry that is left.
  late = undefined;
  if (state?.step) go(location.href, BACK);
});
addEventListener("pagehide", readdress);

const here = (address) => new URL(address, new URL(root().dataset.here, location)).href;

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#replay [data-steps] a[href]:not([hx-get])");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(here(link.getAttribute("href")));
});

/** Go where a form leads. */
export function send(form, how = VISIT, submitter = null) {
  return go(here(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form, submitter))}`), how);
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("#replay [data-steps] form, #replay form[data-steps]");
  if (!form || form.method !== "get") return;
  event.preventDefault();
  document.activeElement.blur();
  send(form, VISIT, event.submitter);
});

// It is late, if what asked for it is gone: another step is shown by now.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id === "replay" && !detail.elt.isConnected) detail.shouldSwap = false;
});

// A part of the page that htmx has fetched: the answer of a job that is waited for, or the one after a failure.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "replay" || !root()) return;
  forget();
  tell(BACK);
});
