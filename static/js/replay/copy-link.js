/** The button that copies the link to the step that is shown. A key presses it. */
import { settleAddress } from "./address.js";
import { press } from "./steps.js";

const button = document.getElementById("copy-link");
// During a run the page's address lags behind the step.
button.addEventListener("click", settleAddress);

/** Copy the link to the step to which the keys pressed before lead: it may still be on its way. */
export function copyLink() {
  press(() => {
    // Where the browser lets no script copy, the button shows itself to say so.
    button.hidden = false;
    button.click();
  });
}
