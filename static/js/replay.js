/** Stepping with the arrow keys: they press the page's own links. */
import { isPlain } from "./keys.js";

const WAYS = { ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last" };

document.addEventListener("keydown", (event) => {
  const way = Object.hasOwn(WAYS, event.key) && WAYS[event.key];
  if (!way || event.shiftKey || !isPlain(event) || document.querySelector("dialog[open]")) return;
  const link = document.querySelector(`a[data-step="${way}"]`);
  event.preventDefault();
  link?.click();
});

function showNow() {
  const list = document.querySelector(".step-list");
  const now = list?.querySelector(".now");
  // Not scrollIntoView: on a narrow screen it would move the page as well.
  if (now) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 2;
}

document.addEventListener("htmx:afterSwap", (event) => {
  const replay = document.getElementById("replay");
  if (event.detail.target.id !== "replay" || !replay) return;
  showNow();
  document.title = document.title.replace(/^Step \d+ of \d+/, replay.dataset.title);
  document.getElementById("announce").textContent = replay.dataset.said;
});

showNow();
