/** Jumps over the steps between: to the nearest step of the same agent or stream, or to the nearest that went wrong. */
import { announce } from "../page/announce.js";
import { placeOf, stepLinks } from "./current.js";
import { pause } from "./play.js";
import { press } from "./steps.js";

/** The address of the nearest listed step in a direction that fits; undefined if none does. */
function nearestListed(direction, fits) {
  const steps = stepLinks().map((link) => link.parentElement);
  const current = steps.findIndex((step) => step.matches(".now"));
  const candidates = direction > 0 ? steps.slice(current + 1) : steps.slice(0, Math.max(current, 0)).toReversed();
  return candidates.find((step) => fits(step, steps[current]))?.querySelector("a").href;
}

/** The address at which the server looks beyond the listed steps. If it finds none it says so. */
const searchBeyond = (direction, words) =>
  document.querySelector(`[data-run="${direction > 0 ? "next" : "previous"} ${words}"]`)?.href;

/** The address of the last finding before the listed steps. There are none after them: the server looks no further. */
function findingBefore() {
  const firstListed = stepLinks().find((link) => link.parentElement.dataset.at);
  const addresses = [...document.querySelectorAll(".findings li.sure a")].map(({ href }) => href);
  return addresses.findLast((url) => placeOf(url) < placeOf(firstListed.href));
}

function jump(findUrl, words) {
  pause();
  press(() => findUrl() ?? announce(`There is no other step ${words}`));
}

/** Jump to a step with the same "agent" or "stream". */
export function jumpToSame(name, direction) {
  const isSame = (step, current) => current && step.dataset[name] === current.dataset[name];
  jump(() => nearestListed(direction, isSame) ?? searchBeyond(direction, name), `of this ${name}`);
}

const isWrong = (step) => step.matches(".wrong");

export function jumpToWrong(direction) {
  jump(
    () =>
      nearestListed(direction, isWrong) ??
      (direction < 0 ? findingBefore() : undefined) ??
      searchBeyond(direction, "failed"),
    "where something went wrong",
  );
}
