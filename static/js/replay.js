/** Stepping by keys and by pointer: both press the page's own links. */
import { isPlain, isTyping } from "./keys.js";
import { pause, setSpeed, toggle } from "./play.js";

const WAYS = { ArrowLeft: "previous", h: "previous", ArrowRight: "next", l: "next", Home: "first", End: "last" };

const say = (text) => (document.getElementById("announce").textContent = text);

/** The nearest step of the list in a direction that is like the current one, or as asked. */
function near(by, fits) {
  const steps = [...document.querySelectorAll(".step[data-stream]")];
  const now = steps.findIndex((step) => step.matches(".now"));
  const on = by > 0 ? steps.slice(now + 1) : steps.slice(0, Math.max(now, 0)).reverse();
  return on.find((step) => fits(step, steps[now]));
}

function jump(by, fits, what) {
  const found = near(by, fits);
  if (found) found.querySelector("a").click();
  else say(`No other step ${what} among those listed`);
}

const same = (name) => (step, now) => now && step.dataset[name] === now.dataset[name];
const bad = (by) => jump(by, (step) => step.matches(".wrong"), "where something went wrong");
const go = (way) => document.querySelector(`a[data-step="${way}"]`)?.click();

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    say("Link copied");
  } catch {
    say("The link was not copied");
  }
}

const copyButton = document.getElementById("copy-link");
copyButton.hidden = !navigator.clipboard;
copyButton.addEventListener("click", copyLink);

const actions = {
  "[": () => bad(-1),
  "]": () => bad(1),
  g: () => document.getElementById("step").select(),
  s: copyLink,
};

function arrow(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by && event.shiftKey) return () => jump(by, same("agent"), "of this agent");
  if (by && event.altKey) return () => jump(by, same("stream"), "of this stream");
}

function actionOf(event) {
  if (event.ctrlKey || event.metaKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.shiftKey || event.altKey) return arrow(event);
  if (Object.hasOwn(WAYS, event.key)) return () => (pause(), go(WAYS[event.key]));
  if (event.key === " " && !event.target.closest("a, button, summary, [role=link]")) return toggle;
  if (/^[1-8]$/.test(event.key)) return () => setSpeed(Number(event.key));
  if (Object.hasOwn(actions, event.key) && isPlain(event)) return actions[event.key];
}

// In the capture phase: `l` is live on other pages, and a step here.
document.addEventListener(
  "keydown",
  (event) => {
    const action = actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  },
  { capture: true },
);

/** The strip's columns lead where the list's steps do; those load no page anew. */
function seek(target) {
  const href = target?.closest?.("#strip a")?.getAttribute("href");
  const link = href && [...document.querySelectorAll(".step > a")].find((each) => each.getAttribute("href") === href);
  if (link && !link.matches("[aria-current]")) link.click();
  return link;
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("#strip") && !event.ctrlKey && !event.metaKey && seek(event.target)) event.preventDefault();
});

document.addEventListener("pointermove", (event) => {
  if (event.buttons === 1 && event.target.closest?.("#strip")) seek(document.elementFromPoint(event.clientX, event.clientY));
});
document.addEventListener("dragstart", (event) => event.target.closest?.("#strip") && event.preventDefault());

function showNow() {
  const list = document.querySelector(".step-list");
  const now = list?.querySelector(".now");
  // Not scrollIntoView: on a narrow screen it would move the page as well.
  if (now) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 2;
}

document.addEventListener("htmx:afterSwap", (event) => {
  const replay = document.getElementById("replay");
  if (event.detail.target.id !== "replay" || !replay) return;
  document.body.classList.add("stepped");
  showNow();
  document.title = document.title.replace(/^Step #?\d+( of \d+)?/, replay.dataset.title);
  say(replay.dataset.said);
});

showNow();
