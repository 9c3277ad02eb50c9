/** What screen readers are told: politely, and what comes within a second in one sentence. */
const PAUSE = 1000;

let timer = 0;
let rows = 0;
let words = "";

export const plural = (n) => `${n.toLocaleString("en")} new event${n === 1 ? "" : "s"}`;

export function announce(text) {
  words = text;
  speakSoon();
}

export function announceRows(count) {
  rows += count;
  speakSoon();
}

function speakSoon() {
  timer ||= setTimeout(speak, PAUSE);
}

function speak() {
  const said = [words, rows ? plural(rows) : ""].filter(Boolean).join(" ");
  timer = rows = 0;
  words = "";
  const region = document.getElementById("announce");
  if (region) region.textContent = said;
}
