/** The strip and the track of the whole source lead to steps, when they are pressed and while the pointer is drawn along them. */
import { RUN, VISIT } from "./address.js";
import { pause } from "./play.js";
import { go, send } from "./steps.js";

/** The strip as it was when the pointer was pressed, which may have moved on meanwhile; null if nothing is pressed. */
let drag = null;

function seek({ clientX }) {
  const { left, width, steps } = drag;
  const index = Math.floor(((clientX - left) / width) * steps.length);
  const step = steps[Math.min(Math.max(index, 0), steps.length - 1)];
  if (step === drag.step) return;
  drag.step = step;
  pause();
  go(step, drag.how);
  drag.how = RUN;
}

document.addEventListener("pointerdown", (event) => {
  const strip = event.target.closest(".strip-svg");
  if (!strip || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { left, width } = strip.getBoundingClientRect();
  const steps = [...strip.querySelectorAll(".column")].map((column) => column.getAttribute("href"));
  // The first step that the pointer leads to has an entry in the history; the steps after it pass by.
  drag = { left, width, steps, how: VISIT, step: strip.querySelector(".column.now")?.getAttribute("href") };
  seek(event);
});
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (event.buttons) seek(event);
  else drag = null;
});
document.addEventListener("pointerup", () => (drag = null));
document.addEventListener("pointercancel", () => (drag = null));
// Pressing the pointer has led there already.
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
