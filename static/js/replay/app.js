/** The modules of a replay's page. */
import "./links.js";
import "./keys.js";
import "./scrubber.js";
import "./state.js";
import "./report.js";
