/** The strip under the pointer: pressed or drawn along, it leads to the step that is there. So does the track of the whole. */
import { pause } from "./play.js";
import { RUN, VISIT, go, send } from "./steps.js";

/** What the pointer is drawn along: the strip as it was when it was pressed, for it may move on meanwhile. */
let drawing = null;

function seek({ clientX }) {
  const { left, width, steps } = drawing;
  const i = Math.floor(((clientX - left) / width) * steps.length);
  const step = steps[Math.min(Math.max(i, 0), steps.length - 1)];
  if (step === drawing.step) return;
  drawing.step = step;
  pause();
  go(step, drawing.how);
  drawing.how = RUN;
}

document.addEventListener("pointerdown", (event) => {
  const strip = event.target.closest(".strip-svg");
  if (!strip || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { left, width } = strip.getBoundingClientRect();
  const steps = [...strip.querySelectorAll(".column")].map((column) => column.getAttribute("href"));
  // The first step that it leads to is one to come back from, be it the one that was pressed or not.
  drawing = { left, width, steps, how: VISIT, step: strip.querySelector(".column.now")?.getAttribute("href") };
  seek(event);
});
document.addEventListener("pointermove", (event) => drawing && (event.buttons ? seek(event) : (drawing = null)));
document.addEventListener("pointerup", () => (drawing = null));
document.addEventListener("pointercancel", () => (drawing = null));
// It has led there already.
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#strip a") && event.detail && !event.ctrlKey && !event.metaKey) event.preventDefault();
});
document.addEventListener("dragstart", (event) => event.target.closest?.("#strip") && event.preventDefault());

let isSliding = false;

document.addEventListener("input", ({ target }) => {
  if (target.id !== "place") return;
  pause();
  send(target.form, isSliding ? RUN : VISIT);
  isSliding = true;
});
document.addEventListener("change", ({ target }) => target.id === "place" && (isSliding = false));
