/**
 * Play: one step after the other, at a speed or as it was recorded. A step that is slow to come is waited for, none is
 * left out. It stops at a breakpoint, and where something went wrong. At the end it follows what comes.
 */
import { announce } from "../page/announce.js";
import { Following } from "./following.js";
import { RUN, press, root, way } from "./steps.js";

// Longer gaps are not waited for, but said.
const LONG = 2000;
// However short they are: as quick as the quickest speed.
const SHORT = 31;
// More new steps than this are not shown one by one.
const FEW = 5;
const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

let wait = 1000;
let skipsIdle = false;
let runs = 0;
let isPlaying = false;
let following;
let wake;
// The gap before the step that is shown, and the one that is being waited for, in words.
let passed = "";
let coming = "";

const get = (id) => document.getElementById(id);
const now = () => document.querySelector(".step.now");

export function toggle() {
  if (isPlaying) pause();
  else play();
}

export function pause() {
  runs += 1;
  wake?.();
  isPlaying = false;
  passed = coming = "";
  following?.end();
  following = undefined;
  show();
}

/** By number, from 1; 0 is as it was recorded. */
export function setSpeed(number) {
  const buttons = document.querySelectorAll("#speed button");
  const button = buttons[(number || buttons.length) - 1];
  if (!button) return;
  wait = Number(button.dataset.wait);
  wake?.();
  show();
}

async function play() {
  const mine = ++runs;
  isPlaying = true;
  show();
  while (runs === mine) {
    await stepOn();
    if (runs === mine && isStop()) return pause();
    if (runs === mine) await pass(pace());
  }
}

async function stepOn() {
  if (!way("next") && !root().dataset.follow) {
    announce("This is the last step");
    return pause();
  }
  if (!way("next") || following?.count > FEW) return follow();
  await press(() => way("next"), RUN);
  passed = coming;
  coming = "";
  show();
}

/** At the end: wait for what comes, ask for the page with it, and go to the newest if it is much. */
async function follow() {
  following ??= new Following(show);
  show();
  const mine = runs;
  const count = await following.news();
  if (runs !== mine) return;
  await following.look();
  if (runs !== mine || count <= FEW) return;
  const before = root().dataset.n;
  await press(() => document.querySelector(".step.ahead[data-break] > a")?.href ?? way("last"), RUN);
  // Of a query nobody may know the steps' numbers.
  const steps = before ? root().dataset.n - before : count;
  if (steps < 1) return;
  passed = `${steps.toLocaleString("en")} steps at once`;
  announce(`${passed}, this is the newest`);
}

/** Whether the step is one to stop at. Who follows a run wants to see how it goes on after an error. */
function isStop() {
  const isWrong = now()?.matches(".wrong") || document.querySelector("#state .answer.err");
  const why = now()?.matches("[data-break]") ? "a breakpoint" : isWrong && !following ? "an error" : "";
  if (why) announce(`Stopped at ${why}`);
  return Boolean(why);
}

/** How long the step is shown, in milliseconds. */
function pace() {
  if (wait >= 0) return wait;
  const [here, next] = [now(), now()?.nextElementSibling].map((step) => Date.parse(step?.dataset.at));
  const gap = Math.max(next - here, 0) || 0;
  coming = gap > LONG ? `${inWords(gap)} later` : "";
  show();
  return gap > LONG && skipsIdle ? SHORT : Math.min(Math.max(gap, SHORT), LONG);
}

/** The two largest units of a time: "3 h 12 min". */
function inWords(milliseconds) {
  const said = [];
  let rest = Math.round(milliseconds / 1000) * 1000;
  for (const [name, size] of UNITS) {
    if (said.length < 2 && rest >= size) said.push(`${Math.floor(rest / size)} ${name}`);
    rest %= size;
  }
  return said.join(" ");
}

function pass(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function show() {
  const button = get("play");
  button.hidden = get("speed").hidden = false;
  button.classList.toggle("playing", isPlaying);
  button.lastElementChild.textContent = isPlaying ? "Pause" : "Play";
  for (const each of document.querySelectorAll("#speed button"))
    each.setAttribute("aria-pressed", Number(each.dataset.wait) === wait);
  get("idle").hidden = wait >= 0;
  get("idle").setAttribute("aria-pressed", skipsIdle);
  get("gap").hidden = !(coming || passed);
  get("gap").textContent = coming || passed;
  get("following").hidden = !following;
  get("following").lastElementChild.textContent = following?.words || "Following";
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("#play")) toggle();
  if (target.closest("#idle")) {
    skipsIdle = !skipsIdle;
    wake?.();
    show();
  }
  const speed = target.closest("#speed button");
  if (speed) setSpeed([...speed.parentElement.children].indexOf(speed) + 1);
  if (target.closest("#replay [data-steps] a")) pause();
});
document.addEventListener("replay:step", show);
document.addEventListener("replay:failed", pause);
addEventListener("popstate", pause);

show();
