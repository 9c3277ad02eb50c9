/** When an event is redacted, the timeline shows its row as it is now, and requests the opened parts anew that name it. */
const get = (selector) => document.querySelector(selector);

/** Replace a row by the one that the server sent. Without one, empty it. */
function replaceRow(row, html) {
  if (!html) {
    row.querySelector(".sum").replaceChildren();
    return;
  }
  const item = row.closest(".event-item");
  const hasFocus = item.contains(document.activeElement);
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = template.content.firstElementChild;
  item.replaceWith(fresh);
  htmx.process(fresh);
  if (hasFocus) fresh.querySelector(".event-row").focus({ preventScroll: true });
}

/** Request the opened parts that show an event: its own, and those of its effects and its cause. */
function reopenParts(position) {
  for (const part of document.querySelectorAll(`.event-open:has([href$="/events/${position}"])`)) {
    const row = part.parentElement.querySelector(".event-row");
    part.remove();
    htmx.trigger(row, "click");
  }
}

document.addEventListener("log:redacted", ({ detail: redacted }) => {
  let isComplete = true;
  for (const [position, html] of Object.entries(redacted)) {
    const row = get(`#rows [data-position="${position}"]`);
    if (row) replaceRow(row, html);
    isComplete &&= !row || Boolean(html);
    reopenParts(position);
  }
  if (!isComplete) htmx.ajax("GET", location.href, { target: "#timeline", swap: "outerHTML" });
});
