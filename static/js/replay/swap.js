/** Puts the server's answer for a step on the page. */
import { forget } from "./answers.js";
import { root } from "./current.js";
import { markCurrent } from "./marks.js";
import { morph } from "./morph.js";

export function swap(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const { window } = root().dataset;
  const findFocused = focusFinder();
  morph(root(), template.content.getElementById("replay"));
  if (document.activeElement === document.body) findFocused()?.focus({ preventScroll: true });
  if (root().dataset.window === window) markCurrent();
  else forget();
}

/**
 * A function that finds the element which has the focus now, also after it was made anew. A row of the state is known by
 * its pin, which has an id.
 */
function focusFinder() {
  const focused = document.activeElement;
  if (focused.id) return () => document.getElementById(focused.id);
  const pin = focused.closest("#state li")?.querySelector(":scope > .tail > .pin");
  const selector = focused.matches("summary") ? "summary" : ".why-of";
  return () => pin && document.getElementById(pin.id)?.closest("li").querySelector(selector);
}
