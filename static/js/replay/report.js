/** What the page says of the step that it shows: the title, the announcement, the box, the list. */
import { announce } from "../page/announce.js";
import { RUN } from "./address.js";
import { root } from "./current.js";

/** The step that the reader wrote into the box, until it is known where that led. */
let writtenStep = "";

const box = () => document.getElementById("step");

document.addEventListener("submit", ({ target }) => {
  if (target.matches(".stepbox")) writtenStep = box().value.trim();
});
document.addEventListener("replay:failed", () => (writtenStep = ""));

/** Scroll the list to the current step. `scrollIntoView` would move the page as well on a narrow screen. */
function showCurrent() {
  const list = document.querySelector(".step-list");
  const current = list?.querySelector(".now");
  if (current) list.scrollTop = current.offsetTop - list.offsetTop - list.clientHeight / 2;
}

/** Reset the box to the current step, unless the reader writes in it, and return the words for the announcement. */
function answerBox(words) {
  const field = box();
  if (field !== document.activeElement) field.value = field.defaultValue;
  const isElsewhere = writtenStep && Number(writtenStep) !== Number(field.defaultValue);
  const answer = isElsewhere ? `There is no step ${writtenStep}: this is ${words}` : words;
  writtenStep = "";
  return answer;
}

document.addEventListener("replay:step", ({ detail }) => {
  const { title, said } = root().dataset;
  // A change flashes, but not at twenty steps a second.
  document.body.classList.toggle("stepped", detail.how !== RUN);
  showCurrent();
  document.title = document.title.replace(/^Step #?\d+( of \d+)?/, title);
  announce(answerBox(said));
});

// On a phone the list can't be scrolled until the reader chooses to see it.
document.addEventListener("change", ({ target }) => target.name === "pane" && showCurrent());

showCurrent();
