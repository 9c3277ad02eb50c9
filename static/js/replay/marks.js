/** The marks of the current step in a list and a strip that stay on the page while the reader steps through their window. */
import { root, stepLinks } from "./current.js";

const LEFT_OF_STRIP = "-100%";
const RIGHT_OF_STRIP = "100%";

export function markCurrent() {
  markList();
  markStrip();
}

function markList() {
  const links = stepLinks();
  const current = links.findIndex(isShown);
  links.forEach((link, i) => {
    link.parentElement.classList.toggle("now", i === current);
    link.parentElement.classList.toggle("ahead", i > current);
    if (i === current) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  });
}

function markStrip() {
  const columns = [...document.querySelectorAll("#strip .column")];
  const current = columns.findIndex(isShown);
  columns.forEach((column, i) => {
    column.classList.toggle("now", i === current);
    column.classList.toggle("ahead", i > current);
  });
  const edgeOf = (i) => columns[i]?.querySelector(".hit").getAttribute("x");
  place(".now-column", edgeOf(current) ?? LEFT_OF_STRIP);
  place(".playhead", columns[current]?.querySelector("svg").getAttribute("x") ?? LEFT_OF_STRIP);
  place(".future", edgeOf(current + 1) ?? RIGHT_OF_STRIP);
}

const isShown = (link) => link.getAttribute("href") === root().dataset.here;
const place = (selector, x) => document.querySelector(`#strip ${selector}`).setAttribute("x", x);
