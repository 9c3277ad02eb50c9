/** The page of a letter follows it, unless the reader has begun to decide. It says what has become of the letter. */
import { announce } from "../page/announce.js";

const stateNow = () => document.getElementById("letter-state");
const isTouched = (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked;
const isDeciding = () => [...document.querySelectorAll("#decide input")].some(isTouched);

let { state } = stateNow().dataset;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches("#letter > [data-follows]") && isDeciding()) event.preventDefault();
});
// When times are rewritten in the reader's zone.
document.addEventListener("htmx:afterSettle", () => {
  const element = stateNow();
  if (element.dataset.state === state) return;
  ({ state } = element.dataset);
  announce(element.textContent.trim());
});
