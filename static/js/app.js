/** What every page loads. */
import "./theme.js";
import "./keys.js";
import "./copy.js";
import "./forms.js";
import "./newer.js";
