/** The strip under the pointer: pressed or drawn along, it leads to the step that is there. So does the track of the whole. */
import { pause } from "./play.js";
import { RUN, VISIT, go, send } from "./steps.js";

let drawn;

const columnAt = ({ clientX, clientY }) => document.elementFromPoint(clientX, clientY)?.closest("#strip .column");

function seek(column, how) {
  if (!column || column.matches(".now") || column.getAttribute("href") === drawn) return;
  drawn = column.getAttribute("href");
  pause();
  go(drawn, how);
}

document.addEventListener("pointerdown", (event) => {
  drawn = undefined;
  if (event.button === 0 && event.target.closest("#strip") && !event.ctrlKey && !event.metaKey) seek(columnAt(event), VISIT);
});
document.addEventListener("pointermove", (event) => {
  if (event.buttons === 1 && event.target.closest?.("#strip")) seek(columnAt(event), RUN);
});
// It has led there already.
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#strip .column") && event.detail && !event.ctrlKey && !event.metaKey) event.preventDefault();
});
document.addEventListener("dragstart", (event) => event.target.closest?.("#strip") && event.preventDefault());

let isDrawing = false;

document.addEventListener("input", ({ target }) => {
  if (target.id !== "place") return;
  pause();
  send(target.form, isDrawing ? RUN : VISIT);
  isDrawing = true;
});
document.addEventListener("change", ({ target }) => target.id === "place" && (isDrawing = false));
