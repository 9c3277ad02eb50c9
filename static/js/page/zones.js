/**
 * A time that is typed into a query, or into a field for a time, without a zone means the zone in which the page shows times. The server reads it as UTC.
 * So, where the page shows times in the reader's zone, the zone is added to it before the query is sent.
 */
import { isShownInUTC, offsetText } from "./times.js";

/** A word of a query. What stands in quotes belongs to it, spaces and all. */
const WORD = /(?:[^\s()"]|"(?:[^"\\]|\\.)*"?)+/g;
const TIME = /^(-?(?:since|until)):("?)(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?\2$/;
const FIELD = /^\s*(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?\s*$/;

/** The time with the reader's zone; null if there is no such time. */
function withZone(day, clock = "00:00") {
  const time = new Date(`${day}T${clock}`);
  if (Number.isNaN(time.getTime())) return null;
  return `${day}T${clock}${offsetText(-time.getTimezoneOffset()).replace("−", "-")}`;
}

function wordWithZone(word) {
  const [, field, , day, clock] = TIME.exec(word) ?? [];
  const time = withZone(day, clock);
  return time ? `${field}:${time}` : word;
}

function fieldWithZone(text) {
  const [, day, clock] = FIELD.exec(text) ?? [];
  return withZone(day, clock) ?? text;
}

// In the capturing phase: whatever sends the form takes the text as it is then.
document.addEventListener(
  "submit",
  ({ target }) => {
    if (isShownInUTC()) return;
    for (const input of target.querySelectorAll("input[data-query]")) {
      input.value = input.value.replace(WORD, wordWithZone);
    }
    for (const input of target.querySelectorAll("input[data-time]")) input.value = fieldWithZone(input.value);
  },
  true,
);
