/** The state of the page's connection, in words: on the timeline beside the query bar, elsewhere above the page. */
import { announce } from "../page/announce.js";
import { WORDS } from "./connection.js";

export function showConnection(name) {
  const element = document.getElementById("live-state");
  const words = WORDS[name];
  const wasBroken = Boolean(element.textContent);
  element.textContent = words;
  element.hidden = !words;
  element.classList.toggle("warn", Boolean(words));
  if (name === "signed-out") element.append(" ", signInLink());
  if (words) announce(element.textContent);
  else if (wasBroken) announce("Connected again.");
}

/** The page's own address: without a session it asks the reader to sign in, and leads back. */
function signInLink() {
  const link = document.createElement("a");
  link.className = "link";
  link.href = location.href;
  link.textContent = "Sign in again";
  return link;
}
