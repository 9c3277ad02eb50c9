/** Announcements for screen readers. They are polite, and those of one second are one sentence. */
const PAUSE_MS = 1000;

let timer = 0;
let newRows = 0;
const words = new Map();

export const plural = (n) => `${n.toLocaleString("en")} new event${n === 1 ? "" : "s"}`;

/** Announce a text, in the place of one about the same that still waits. */
export function announce(text, about = "page") {
  words.set(about, text);
  timer ||= setTimeout(speak, PAUSE_MS);
}

/** Announce how many rows came, counted together with those that still wait. */
export function announceRows(count) {
  newRows += count;
  timer ||= setTimeout(speak, PAUSE_MS);
}

function speak() {
  const sentence = [...words.values(), newRows ? plural(newRows) : ""].filter(Boolean).join(" ");
  timer = newRows = 0;
  words.clear();
  const region = document.getElementById("announce");
  if (region) region.textContent = sentence;
}
