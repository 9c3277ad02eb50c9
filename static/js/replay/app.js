/** Stepping by keys, and what follows from a step: the title, what is said of it, the list kept in view. */
import { announce } from "../page/announce.js";
import { isPlain, isTyping } from "../page/keys.js";
import { pause, setSpeed, toggle } from "./play.js";
import { RUN, VISIT, isIdle, list, place, press, readdress, root, way } from "./steps.js";
import { pin } from "./state.js";
import "./scrubber.js";

const WAYS = { ArrowLeft: "previous", h: "previous", ArrowRight: "next", l: "next", Home: "first", End: "last" };

/** The nearest step of the list in a direction that fits, beside the current one. */
function near(by, fits) {
  const steps = list().map((link) => link.parentElement);
  const now = steps.findIndex((step) => step.matches(".now"));
  const on = by > 0 ? steps.slice(now + 1) : steps.slice(0, Math.max(now, 0)).reverse();
  return on.find((step) => fits(step, steps[now]))?.querySelector("a").href;
}

/** Where the server looks for one, beyond those listed; to where nothing is left it says so. */
const far = (by, what) => document.querySelector(`[data-run="${by > 0 ? "next" : "previous"} ${what}"]`)?.href;

/** Of what was found wrong, the last that is before the steps listed: beyond their end nothing was looked for. */
function foundBefore() {
  const first = list().find((link) => link.parentElement.dataset.at);
  const found = [...document.querySelectorAll(".findings li.sure a")].map(({ href }) => href);
  return found.filter((url) => place(url) < place(first.href)).at(-1);
}

function jump(leads, what) {
  pause();
  press(() => leads() ?? announce(`There is no other step ${what}`));
}

const alike = (by, name) =>
  jump(
    () => near(by, (step, now) => now && step.dataset[name] === now.dataset[name]) ?? far(by, name),
    `of this ${name}`,
  );
const wrong = (by) =>
  jump(
    () => near(by, (step) => step.matches(".wrong")) ?? (by < 0 ? foundBefore() : undefined) ?? far(by, "failed"),
    "where something went wrong",
  );

function walk(name, isHeld) {
  pause();
  // What a held key asks for while a step is still to come is not wanted any more when the key is let go.
  if (!isHeld || isIdle()) press(() => way(name), isHeld ? RUN : VISIT);
}

async function copyLink() {
  readdress();
  try {
    await navigator.clipboard.writeText(location.href);
    announce("Link copied");
  } catch {
    announce("The link was not copied");
  }
}

const copyButton = document.getElementById("copy-link");
copyButton.hidden = !navigator.clipboard;
copyButton.addEventListener("click", copyLink);

const pressed = (selector) => () => document.querySelector(selector)?.click();

const actions = {
  "[": () => wrong(-1),
  "]": () => wrong(1),
  "/": () => (document.querySelector("#replay [data-seek]") ?? document.getElementById("step")).select(),
  b: pressed("[data-breakpoint]"),
  c: pressed("[data-continue]"),
  d: pressed("[data-difference]"),
  g: () => document.getElementById("step").select(),
  p: pin,
  s: copyLink,
};

function arrow(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by && event.shiftKey) return () => alike(by, "agent");
  if (by && event.altKey) return () => alike(by, "stream");
}

function actionOf(event) {
  if (event.ctrlKey || event.metaKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.shiftKey || event.altKey) return arrow(event);
  if (Object.hasOwn(WAYS, event.key)) return () => walk(WAYS[event.key], event.repeat);
  if (event.key === " " && !event.target.closest("button, summary")) return toggle;
  if (/^[0-8]$/.test(event.key)) return () => setSpeed(Number(event.key));
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

function showNow() {
  const steps = document.querySelector(".step-list");
  const now = steps?.querySelector(".now");
  // Not scrollIntoView: on a narrow screen it would move the page as well.
  if (now) steps.scrollTop = now.offsetTop - steps.offsetTop - steps.clientHeight / 2;
}

/** What was written into the box of the step, until it is known where it led. */
let wanted = "";

document.addEventListener("submit", ({ target }) => {
  if (target.matches(".stepbox")) wanted = document.getElementById("step").value.trim();
});
document.addEventListener("replay:failed", () => (wanted = ""));

/** The box says again at which step one is, unless somebody writes there. */
function answerBox(said) {
  const box = document.getElementById("step");
  if (box !== document.activeElement) box.value = box.defaultValue;
  const isElsewhere = wanted && Number(wanted) !== Number(box.defaultValue);
  if (isElsewhere) said = `No way to step ${wanted}: this is ${said}`;
  wanted = "";
  return said;
}

document.addEventListener("replay:step", ({ detail }) => {
  const { title, said } = root().dataset;
  // What changes flashes, but not at twenty steps a second.
  document.body.classList.toggle("stepped", detail.how !== RUN);
  showNow();
  document.title = document.title.replace(/^Step #?\d+( of \d+)?/, title);
  announce(answerBox(said));
});

showNow();
