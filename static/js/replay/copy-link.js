/** The button that copies the link to the step that is shown. A key presses it. */
import { settleAddress } from "./address.js";

const button = document.getElementById("copy-link");
// During a run the page's address lags behind the step.
button.addEventListener("click", settleAddress);

/** Where the browser lets no script copy, the button shows itself to say so. */
export function copyLink() {
  button.hidden = false;
  button.click();
}
