/** The page's address, which names the step that is shown, and the browser's history of it. */
import { root } from "./current.js";

/** How the reader comes to a step. VISIT adds an entry to the history. */
export const VISIT = "visit";
/** RUN is one of many steps in passing: it changes the newest entry. */
export const RUN = "run";
/** BACK leaves the history alone: the reader went back in it, or stays. */
export const BACK = "back";

// Browsers let a page change its address about ten times a second at most.
const DELAY_MS = 400;

let lateAddress;
let timer;

/** Name the step that is shown in the page's address. The steps of a run are named a little later. */
export function updateAddress(how) {
  if (how === RUN) {
    lateAddress = root().dataset.here;
    timer ??= setTimeout(settleAddress, DELAY_MS);
    return;
  }
  settleAddress();
  const url = new URL(root().dataset.address || root().dataset.here, location).href;
  if (how === VISIT && url !== location.href) history.pushState({ step: true }, "", url);
}

/** Name the last step of a run in the address now. */
export function settleAddress() {
  clearTimeout(timer);
  timer = undefined;
  if (lateAddress) history.replaceState({ step: true }, "", lateAddress);
  lateAddress = undefined;
}

/** Forget the last step of a run: the reader left the entry that it would have changed. */
export function dropLateAddress() {
  lateAddress = undefined;
}

// The browser restores the fields of a page that it comes back to, as this entry is one: they name the step.
history.replaceState({ ...history.state, step: true }, "");
addEventListener("pagehide", settleAddress);
