/** How long playing shows each step: at a fixed speed, or with the gaps that were recorded. */
// A longer gap is shortened to this, and the page says how long it was.
const LONGEST_GAP_MS = 2000;
// Shorter gaps are played as fast as the fastest speed.
const SHORTEST_GAP_MS = 31;
const UNITS_MS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];
const SHOWN_UNITS = 2;

/** What the buttons call `data-wait`: milliseconds for each step, negative for the recorded gaps. */
let stepMs = 1000;
let skipsIdle = false;

export const isRecorded = () => stepMs < 0;
export const isSkippingIdle = () => skipsIdle;
export const isChosen = (button) => Number(button.dataset.wait) === stepMs;

/** Choose a speed by its number, from 1; 0 is as recorded. Other numbers change nothing. */
export function chooseSpeed(number) {
  const buttons = [...document.querySelectorAll("#speed button")];
  const button = buttons.at(number - 1);
  if (button) stepMs = Number(button.dataset.wait);
}

export function toggleSkippingIdle() {
  skipsIdle = !skipsIdle;
}

/** How many milliseconds a listed step is shown, and its gap in words if that is shortened. */
export function timingOf(step) {
  if (!isRecorded()) return { ms: stepMs, gap: "" };
  const [start, end] = [step, step?.nextElementSibling].map((each) => Date.parse(each?.dataset.at));
  const gapMs = Math.max(end - start, 0) || 0;
  if (gapMs <= LONGEST_GAP_MS) return { ms: Math.max(gapMs, SHORTEST_GAP_MS), gap: "" };
  return { ms: skipsIdle ? SHORTEST_GAP_MS : LONGEST_GAP_MS, gap: `${inWords(gapMs)} later` };
}

/** The largest units of a time: "3 h 12 min". */
function inWords(milliseconds) {
  const parts = [];
  let restMs = Math.round(milliseconds / 1000) * 1000;
  for (const [unit, unitMs] of UNITS_MS) {
    if (parts.length < SHOWN_UNITS && restMs >= unitMs) parts.push(`${Math.floor(restMs / unitMs)} ${unit}`);
    restMs %= unitMs;
  }
  return parts.join(" ");
}
