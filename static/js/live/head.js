/** The head of the log, as the timeline's page says it: how many events there are, and the address of the newest. */
const get = (id) => document.getElementById(id);

export const formatNumber = (n) => n.toLocaleString("en");

/** The address of the timeline's head. "Two hours ago" stands in it as the time that this meant. */
export function headUrl() {
  const url = new URL(location.href);
  url.search = get("timeline").dataset.head.slice(1);
  return url;
}

export function showHead(position) {
  const count = Math.max(position, 0);
  get("head-count").textContent = `${formatNumber(count)} event${count === 1 ? "" : "s"}`;
  const head = get("head-now");
  if (head) head.textContent = `#${formatNumber(count)}`;
}

/** Make the page's address that of the rows before a position, so that a reload or a copied link shows them; null is the head. */
export function showPausedAt(position) {
  const url = headUrl();
  if (position !== null) url.searchParams.set("before", position + 1);
  history.replaceState(history.state, "", url);
}
