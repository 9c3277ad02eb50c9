/**
 * The server's answers to requests for steps. The next few steps are requested before the reader goes there, one request
 * after the other.
 *
 * A request names the window of steps that the page shows. The answer for a step of the same window leaves out the list
 * and the strip (it is partial): those on the page stay.
 */
import { root, stepLinks } from "./current.js";

const STEPS_AHEAD = 6;

/** Promises of the answers that were requested ahead, by address. */
let answersAhead = new Map();
/** The first address ahead whose answer has another window: the steps after it are not listed on this page. */
let windowEnd;
let direction = 1;
let isRequesting = false;

/** The answer for a step; null if the server had none that can be shown. */
export async function answerFor(url) {
  const answer = await (answersAhead.get(url) ?? request(url));
  const fitsPage = !answer?.isPartial || answer.window === root().dataset.window;
  return fitsPage ? answer : request(url);
}

/** Drop the answers that were requested ahead: they may be out of date, since more events came. */
export function forget() {
  answersAhead.clear();
}

async function request(url) {
  const { window } = root().dataset;
  try {
    const response = await fetch(url, { headers: { "HX-Request": "true", "X-Window": window }, cache: "no-store" });
    const html = await response.text();
    if (!response.ok || /^\s*<!doctype/i.test(html)) return null;
    return { html, window, isPartial: html.includes('<div id="steps">') };
  } catch {
    return null;
  }
}

/** Request the steps that follow in a direction (1 or -1), up to the end of the window. */
export async function requestAhead(towards) {
  direction = towards;
  if (isRequesting) return;
  isRequesting = true;
  for (let url = nextAhead(); url; url = nextAhead()) {
    const promise = request(url);
    answersAhead.set(url, promise);
    const answer = await promise;
    if (!answer) break;
    if (!answer.isPartial) windowEnd = url;
  }
  isRequesting = false;
}

/** The next address to request, or null. Forgets the answers for steps that are no longer ahead. */
function nextAhead() {
  const links = stepLinks();
  const current = links.findIndex((link) => link.hasAttribute("aria-current"));
  if (current < 0 || !root().dataset.window) return null;
  const following = direction > 0 ? links.slice(current + 1) : links.slice(0, current).toReversed();
  const urls = following.slice(0, STEPS_AHEAD).map(({ href }) => href);
  answersAhead = new Map(urls.filter((url) => answersAhead.has(url)).map((url) => [url, answersAhead.get(url)]));
  const inWindow = answersAhead.has(windowEnd) ? urls.slice(0, urls.indexOf(windowEnd)) : urls;
  return inWindow.find((url) => !answersAhead.has(url)) ?? null;
}
