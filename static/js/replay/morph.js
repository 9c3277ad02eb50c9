/**
 * Change a part of the page into a new version of it. Equal elements are kept, and most of a state does not change
 * from step to step: they are not drawn again, and keep the focus and the scroll position.
 */
// These stand in an answer for the list and the strip, where it leaves them out.
const LEFT_OUT = "div#steps, div#strip:empty";
// A row that changed is replaced, so that it flashes. What htmx has set up can't be set up again.
const ALWAYS_REPLACED = ".step, .tree-row, .tree-item, [hx-get], svg";

export function morph(old, fresh) {
  if (fresh.matches(LEFT_OUT) || old.isEqualNode(fresh)) return;
  if (canMorph(old, fresh)) {
    morphAttributes(old, fresh);
    morphChildren(old, fresh);
  } else {
    old.replaceWith(fresh);
    activate(fresh);
  }
}

/** Whether two elements can differ only in their attributes and in the elements within them. */
const canMorph = (old, fresh) =>
  old.tagName === fresh.tagName &&
  old.id === fresh.id &&
  !hasText(old) &&
  !hasText(fresh) &&
  !old.matches("[hx-get]") &&
  !fresh.matches(ALWAYS_REPLACED);

const hasText = (element) =>
  [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

function morphAttributes(old, fresh) {
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  // A field in which somebody writes keeps its text.
  if (fresh.matches("input") && old !== document.activeElement) old.value = fresh.value;
}

function morphChildren(old, fresh) {
  let rest = [...old.children];
  while (fresh.firstElementChild) {
    const child = fresh.firstElementChild;
    child.remove();
    const index = rest.findIndex((candidate) => isVersionOf(candidate, child));
    if (index < 0) {
      old.insertBefore(child, rest[0] ?? null);
      activate(child);
    } else {
      for (const gone of rest.slice(0, index)) gone.remove();
      morph(rest[index], child);
      rest = rest.slice(index + 1);
    }
  }
  for (const gone of rest) gone.remove();
}

/** Whether `fresh` is a new version of an element. */
const isVersionOf = (old, fresh) =>
  old.id === fresh.id &&
  (fresh.matches(LEFT_OUT) || (old.tagName === fresh.tagName && old.classList[0] === fresh.classList[0]));

/** Let htmx and the scripts that listen to it set up a new element. */
function activate(element) {
  htmx.process(element);
  htmx.trigger(element, "htmx:load");
}
