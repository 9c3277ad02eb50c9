/** The page Connect: its keys, the commands of all steps as one text, and a word when the first span comes. */
import { announce } from "./announce.js";
import { isPlain } from "./keys.js";

const COPIED_MS = 1500;

/** Go to the framework above or below the one that has the focus or is shown, and show it. */
function move(by) {
  const kinds = [...document.querySelectorAll(".kinds [id]:is(a, button)")];
  const focused = kinds.indexOf(document.activeElement);
  const shown = kinds.findIndex((kind) => kind.hasAttribute("aria-current"));
  const next = kinds[(focused < 0 ? shown : focused) + by];
  if (!next) return;
  next.focus();
  next.click();
}

async function copyAll() {
  const texts = [...document.querySelectorAll("[data-lines]")].map((lines) => lines.textContent);
  const key = document.getElementById("copy-all");
  let words = "Copied all commands.";
  try {
    await navigator.clipboard.writeText(`${texts.join("\n\n")}\n`);
  } catch {
    words = "Not copied.";
  }
  announce(words, "copy");
  const before = key.textContent;
  if (before === words) return;
  key.textContent = words;
  setTimeout(() => {
    key.textContent = before;
  }, COPIED_MS);
}

const ACTIONS = {
  ArrowUp: () => move(-1),
  ArrowDown: () => move(1),
  c: copyAll,
  o: () => document.querySelector("[data-open-run]")?.click(),
};

// In the capture phase, before the keys of every page.
document.addEventListener(
  "keydown",
  (event) => {
    if (!isPlain(event) || event.shiftKey || document.querySelector("dialog[open]")) return;
    if (!Object.hasOwn(ACTIONS, event.key)) return;
    event.preventDefault();
    ACTIONS[event.key]();
  },
  { capture: true },
);

/** On a phone the frameworks are one line that scrolls: the chosen one is in it. */
function showChosen() {
  const kinds = document.querySelector(".kinds");
  kinds.scrollLeft = kinds.querySelector("[aria-current]").offsetLeft - kinds.clientWidth / 3;
}

showChosen();

const came = () => document.querySelector("[data-came]")?.dataset.came;

let told = came();

document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
  if (target.id !== "arrive") showChosen();
  const words = came();
  if (words && words !== told) announce(words, "came");
  told = words;
});
