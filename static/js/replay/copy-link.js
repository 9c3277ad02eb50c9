/** Copies the link to the step that is shown. */
import { announce } from "../page/announce.js";
import { settleAddress } from "./address.js";

export async function copyLink() {
  settleAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    announce("Link copied");
  } catch {
    announce("The link was not copied");
  }
}

const button = document.getElementById("copy-link");
button.hidden = !navigator.clipboard;
button.addEventListener("click", copyLink);
