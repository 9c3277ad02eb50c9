/** Announcements for screen readers. They are polite, and those of one second are one sentence. */
const PAUSE_MS = 1000;

let timer = 0;
let newRows = 0;
let words = "";

export const plural = (n) => `${n.toLocaleString("en")} new event${n === 1 ? "" : "s"}`;

/** Announce a text, in the place of one that still waits. */
export function announce(text) {
  words = text;
  timer ||= setTimeout(speak, PAUSE_MS);
}

/** Announce how many rows came, counted together with those that still wait. */
export function announceRows(count) {
  newRows += count;
  timer ||= setTimeout(speak, PAUSE_MS);
}

function speak() {
  const sentence = [words, newRows ? plural(newRows) : ""].filter(Boolean).join(" ");
  timer = newRows = 0;
  words = "";
  const region = document.getElementById("announce");
  if (region) region.textContent = sentence;
}
