/**
 * The query bar as a combobox: what is being written completes to what the server offers. The arrows choose, Tab or
 * Enter takes what is chosen, Escape closes; without a choice Enter searches and Tab goes on, as in any field.
 */
import { announce } from "./announce.js";

const PAUSE = 120;

const input = document.getElementById("q");
const list = document.getElementById("completions");
let chosen = null;
let timer = 0;
let asking = null;
let offered = "";

/** What is written and where the caret stands: what is offered is for just that. */
const written = () => `${input.selectionEnd} ${input.value}`;

function show(isShown) {
  list.hidden = !isShown;
  input.setAttribute("aria-expanded", String(isShown));
}

function close() {
  clearTimeout(timer);
  asking?.abort();
  choose(null);
  show(false);
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

/** Beyond either end nothing is chosen: that is the field itself. */
function move(by) {
  const options = [...list.children];
  const at = chosen ? options.indexOf(chosen) : by > 0 ? -1 : options.length;
  choose(options[at + by] ?? null);
}

/** Ask what the term before the caret can become. This fails in silence: a query can be written without it. */
async function offer() {
  clearTimeout(timer);
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const { value, selectionEnd: caret } = input;
  const url = new URL(input.dataset.completions, location.href);
  url.searchParams.set("q", value.slice(0, caret));
  url.searchParams.set("rest", value.slice(caret));
  try {
    const answer = await fetch(url, { signal });
    const html = answer.ok && !answer.redirected ? await answer.text() : "";
    if (signal.aborted || document.activeElement !== input) return;
    choose(null);
    offered = `${caret} ${value}`;
    list.innerHTML = html;
    show(list.childElementCount > 0);
  } catch {
    if (!signal.aborted) close();
  }
}

function take(option) {
  const { typed, text } = option.dataset;
  const caret = input.selectionEnd;
  const isFollowed = input.value[caret] === " ";
  input.setRangeText(isFollowed ? text.trimEnd() : text, caret - typed.length, caret, "end");
  if (text.endsWith(" ")) close();
  else offer();
}

function offerSoon() {
  clearTimeout(timer);
  timer = setTimeout(offer, PAUSE);
}

function press({ key }) {
  if (key === "ArrowDown" && (list.hidden || offered !== written())) offer();
  else if (list.hidden) return false;
  else if (key === "Escape") close();
  else if (offered !== written()) return false;
  else if (key === "ArrowDown") move(1);
  else if (key === "ArrowUp") move(-1);
  else if (chosen && (key === "Enter" || key === "Tab")) take(chosen);
  else return false;
  return true;
}

input.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (press(event)) event.preventDefault();
});
input.addEventListener("input", offerSoon);
for (const moved of ["keyup", "click"]) {
  input.addEventListener(moved, () => list.hidden || offered === written() || offerSoon());
}
input.addEventListener("focus", () => input.value || offer());
input.addEventListener("blur", close);
input.form.addEventListener("submit", close);
list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
list.addEventListener("click", ({ target }) => {
  const option = target.closest("[role=option]");
  if (option) take(option);
});

/** What came of a search, for those who don't see the list. */
function tell() {
  const answer = document.querySelector("#timeline .answer h2")?.textContent;
  const rows = document.querySelectorAll("#rows [data-position]").length;
  announce(answer ?? `${rows} event${rows === 1 ? "" : "s"} shown.`);
}

/** A link took the list to another query: the bar follows, unless somebody is writing in it. */
let asked = input.value;
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "timeline") return;
  const { written: shown, mistaken } = document.getElementById("timeline").dataset;
  if (shown !== asked) {
    input.value = asked = shown;
    if (mistaken === undefined) tell(); // a mistake is an alert by itself
  }
  if (mistaken === undefined) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  } else {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", "query-error");
  }
});

input.setAttribute("role", "combobox");
input.setAttribute("aria-autocomplete", "list");
input.setAttribute("aria-controls", list.id);
show(false);
