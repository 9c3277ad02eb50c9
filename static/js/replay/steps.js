/**
 * From step to step. What the page shows is the server's answer for the step's address. Steps are shown one after the
 * other: a press waits for those before it, and none is left out.
 *
 * Two events tell other modules: `replay:step` when a step is shown, and `replay:failed` when one can't be.
 */
import { BACK, VISIT, dropLateAddress, updateAddress } from "./address.js";
import { answerFor, forget, requestAhead } from "./answers.js";
import { placeOf, resolve } from "./current.js";
import { swap } from "./swap.js";

/** The end of the queue of presses. */
let queue = Promise.resolve();
let waitingPresses = 0;
/** Changes when presses that still wait are no longer valid. */
let round = 0;
/** How often the reader went back or forth in the browser's history. An answer that was on its way then is dropped. */
let returns = 0;

/** Go where `findUrl` leads from the step that is shown when this press has its turn. If it finds nothing, stay. */
export function press(findUrl, how = VISIT) {
  const pressedIn = round;
  waitingPresses += 1;
  const take = async () => {
    const url = pressedIn === round && findUrl();
    if (url) await show(url, how);
  };
  queue = queue.then(take, take).finally(() => (waitingPresses -= 1));
  return queue;
}

/** Go to a step and drop the presses that wait. */
export function go(url, how = VISIT) {
  round += 1;
  return press(() => resolve(url), how);
}

/** Go where a form leads. */
export function send(form, how = VISIT, submitter = null) {
  return go(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form, submitter))}`, how);
}

export const isIdle = () => !waitingPresses;

async function show(url, how) {
  const begunIn = returns;
  const answer = await answerFor(url);
  if (begunIn !== returns) return;
  if (!answer) {
    await fail(url, how);
    return;
  }
  const before = placeOf();
  swap(answer.html);
  updateAddress(how);
  tellShown(how);
  requestAhead(placeOf() < before ? -1 : 1);
  await painted();
}

export const tellShown = (how) => document.dispatchEvent(new CustomEvent("replay:step", { detail: { how } }));

/** Let htmx request the step once more: the page then says what went wrong. */
async function fail(url, how) {
  const begunIn = returns;
  round += 1;
  forget();
  document.dispatchEvent(new CustomEvent("replay:failed"));
  await htmx.ajax("GET", url, { target: "#replay", swap: "outerHTML show:none" }).catch(() => {});
  if (begunIn === returns) updateAddress(how);
}

/** Resolves when the browser has painted the page. It never paints a hidden one. */
function painted() {
  return new Promise((resolvePromise) => {
    if (document.hidden) setTimeout(resolvePromise);
    else requestAnimationFrame(resolvePromise);
  });
}

addEventListener("popstate", ({ state }) => {
  returns += 1;
  dropLateAddress();
  if (state?.step) go(location.href, BACK);
});
