/**
 * Playing: one step after the other, at a speed or as recorded. Playing waits for a slow step and leaves none out. It
 * stops at a breakpoint, and where something went wrong. At the end it follows the events that come.
 */
import { announce } from "../page/announce.js";
import { RUN } from "./address.js";
import { root, wayTo } from "./current.js";
import { Following } from "./following.js";
import { chooseSpeed, timingOf, toggleSkippingIdle } from "./pace.js";
import { press } from "./steps.js";
import { showTransport } from "./transport.js";

// Playing goes to the newest step at once if more steps than this came.
const MAX_NEW_STEPS_PLAYED = 5;

/** Changes with each start and pause: a loop that began before ends. */
let round = 0;
let isPlaying = false;
let following;
let endWait;
/** The gap before the step that is shown, and the gap after it while playing waits. Both in words. */
let gapBefore = "";
let gapAfter = "";

const current = () => document.querySelector(".step.now");

export function toggle() {
  if (isPlaying) pause();
  else play();
}

export function pause() {
  round += 1;
  endWait?.();
  isPlaying = false;
  gapBefore = gapAfter = "";
  following?.end();
  following = undefined;
  show();
}

/** Choose a speed by its number, from 1; 0 is as recorded. */
export function setSpeed(number) {
  chooseSpeed(number);
  endWait?.();
  show();
}

async function play() {
  round += 1;
  const mine = round;
  isPlaying = true;
  show();
  while (round === mine) {
    await stepOn();
    if (round === mine && mustStop()) pause();
    if (round === mine) await showStep();
  }
}

async function stepOn() {
  if (!wayTo("next") && !root().dataset.follow) {
    announce("This is the last step");
    pause();
  } else if (!wayTo("next") || following?.count > MAX_NEW_STEPS_PLAYED) {
    await follow();
  } else {
    await press(() => wayTo("next"), RUN);
    gapBefore = gapAfter;
    gapAfter = "";
    show();
  }
}

/** At the end: wait for new events and request the page with them. If they are many, go to the newest. */
async function follow() {
  following ??= new Following(show);
  show();
  const mine = round;
  const count = await following.takeNew();
  if (round !== mine) return;
  await following.refresh();
  if (round !== mine || count <= MAX_NEW_STEPS_PLAYED) return;
  const before = root().dataset.n;
  await press(() => document.querySelector(".step.ahead[data-break] > a")?.href ?? wayTo("last"), RUN);
  // The steps of a query may have no numbers.
  const steps = before ? root().dataset.n - before : count;
  if (steps < 1) return;
  gapBefore = `${steps.toLocaleString("en")} steps at once`;
  announce(`${gapBefore}, this is the newest`);
}

/** Whether playing stops at the current step. While it follows a run, an error is no reason: the reader waits for the rest. */
function mustStop() {
  const isWrong = current()?.matches(".wrong") || document.querySelector("#state .answer.err");
  const reason = current()?.matches("[data-break]") ? "a breakpoint" : isWrong && !following ? "an error" : "";
  if (reason) announce(`Stopped at ${reason}`);
  return Boolean(reason);
}

/** Show the step for as long as it takes, or until the speed changes. */
function showStep() {
  const { ms, gap } = timingOf(current());
  gapAfter = gap;
  show();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    endWait = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function show() {
  showTransport({ isPlaying, gap: gapAfter || gapBefore, following: following && (following.words || "Following") });
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("#play")) toggle();
  if (target.closest("#idle")) {
    toggleSkippingIdle();
    endWait?.();
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
