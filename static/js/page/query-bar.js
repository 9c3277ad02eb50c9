/**
 * The query bar as a combobox: the server offers completions for the term before the caret. The arrows choose one, Tab or
 * Enter takes it, Escape closes the list. While none is chosen, Enter searches and Tab goes on, as in any field.
 */
import "./query-result.js";

const PAUSE_MS = 120;

const input = document.getElementById("q");
const list = document.getElementById("completions");
let chosen = null;
let timer = 0;
let request = null;
/** The text and the caret for which the list was offered. */
let offeredFor = "";

const currentText = () => `${input.selectionEnd} ${input.value}`;
const isOutdated = () => offeredFor !== currentText();

function showList(isShown) {
  list.hidden = !isShown;
  input.setAttribute("aria-expanded", String(isShown));
}

function close() {
  clearTimeout(timer);
  request?.abort();
  choose(null);
  showList(false);
}

function choose(option) {
  chosen?.setAttribute("aria-selected", "false");
  chosen = option;
  if (!option) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option.id);
}

/** Choose the next option. Beyond either end none is chosen: that is the field itself. */
function move(by) {
  const options = [...list.children];
  const beforeFirst = by > 0 ? -1 : options.length;
  const index = chosen ? options.indexOf(chosen) : beforeFirst;
  choose(options[index + by] ?? null);
}

/** Request completions. A failure is silent: a query can be written without them. */
async function offer() {
  clearTimeout(timer);
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  const { value, selectionEnd: caret } = input;
  const url = new URL(input.dataset.completions, location.href);
  url.searchParams.set("q", value.slice(0, caret));
  url.searchParams.set("rest", value.slice(caret));
  try {
    const response = await fetch(url, { signal });
    const html = response.ok && !response.redirected ? await response.text() : "";
    if (signal.aborted || document.activeElement !== input) return;
    choose(null);
    offeredFor = `${caret} ${value}`;
    list.innerHTML = html;
    showList(list.childElementCount > 0);
  } catch {
    if (!signal.aborted) close();
  }
}

function offerSoon() {
  clearTimeout(timer);
  timer = setTimeout(offer, PAUSE_MS);
}

function take(option) {
  const { typed, text } = option.dataset;
  const caret = input.selectionEnd;
  const isFollowed = input.value[caret] === " ";
  input.setRangeText(isFollowed ? text.trimEnd() : text, caret - typed.length, caret, "end");
  if (text.endsWith(" ")) close();
  else offer();
}

/** What a key does while the list is shown and fits the text. */
const KEYS = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Enter: () => chosen && take(chosen),
  Tab: () => chosen && take(chosen),
};

/** The action of a key; null if the field or the browser handles the key. */
function actionOf(key) {
  if (key === "ArrowDown" && (list.hidden || isOutdated())) return offer;
  if (list.hidden) return null;
  if (key === "Escape") return close;
  if (isOutdated() || !Object.hasOwn(KEYS, key)) return null;
  return key.startsWith("Arrow") || chosen ? KEYS[key] : null;
}

input.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const action = actionOf(event.key);
  if (!action) return;
  event.preventDefault();
  action();
});
input.addEventListener("input", offerSoon);
for (const name of ["keyup", "click"]) {
  input.addEventListener(name, () => {
    if (!list.hidden && isOutdated()) offerSoon();
  });
}
input.addEventListener("focus", () => input.value || offer());
input.addEventListener("blur", close);
input.form.addEventListener("submit", close);
// A press on the list leaves the focus in the field.
list.addEventListener("pointerdown", (event) => event.preventDefault());
list.addEventListener("click", ({ target }) => {
  const option = target.closest("[role=option]");
  if (option) take(option);
});

input.setAttribute("role", "combobox");
input.setAttribute("aria-autocomplete", "list");
input.setAttribute("aria-controls", list.id);
showList(false);
