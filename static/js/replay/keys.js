/** The keys of a replay. */
import { isPlain, isTyping } from "../page/keys.js";
import { RUN, VISIT } from "./address.js";
import { copyLink } from "./copy-link.js";
import { wayTo } from "./current.js";
import { jumpToSame, jumpToWrong } from "./jumps.js";
import { pause, setSpeed, toggle } from "./play.js";
import { pin } from "./state.js";
import { isIdle, press } from "./steps.js";

const WAYS = { ArrowLeft: "previous", h: "previous", ArrowRight: "next", l: "next", Home: "first", End: "last" };
const DIRECTIONS = { ArrowLeft: -1, ArrowRight: 1 };

const click = (selector) => () => document.querySelector(selector)?.click();
const select = (selector) => () => document.querySelector(selector).select();

const ACTIONS = {
  "[": () => jumpToWrong(-1),
  "]": () => jumpToWrong(1),
  "/": select("#to"),
  b: click("[data-breakpoint]"),
  c: click("[data-continue]"),
  d: click("[data-difference]"),
  g: select("#step"),
  p: pin,
  s: copyLink,
};

function walk(way, isHeld) {
  pause();
  // A held key asks for no step while one is on its way: the reader wants none of them after letting the key go.
  if (!isHeld || isIdle()) press(() => wayTo(way), isHeld ? RUN : VISIT);
}

function actionWithModifier({ key, shiftKey, altKey }) {
  const direction = DIRECTIONS[key];
  if (direction && shiftKey) return () => jumpToSame("agent", direction);
  if (direction && altKey) return () => jumpToSame("stream", direction);
  return null;
}

function actionOf(event) {
  const { key } = event;
  if (event.shiftKey || event.altKey) return actionWithModifier(event);
  if (Object.hasOwn(WAYS, key)) return () => walk(WAYS[key], event.repeat);
  if (key === " " && !event.target.closest("button, summary")) return toggle;
  if (/^[0-8]$/.test(key)) return () => setSpeed(Number(key));
  if (Object.hasOwn(ACTIONS, key) && isPlain(event)) return ACTIONS[key];
  return null;
}

// In the capture phase, before the keys of every page: `l` switches a live list elsewhere, and steps on here.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey || event.metaKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const action = actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  },
  { capture: true },
);
