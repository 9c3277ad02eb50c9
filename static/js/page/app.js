/** The modules of every page. */
import "./theme.js";
import "./keys.js";
import "./copy.js";
import "./forms.js";
import "./links.js";
import "./rows.js";
import "./failures.js";
import "./focus.js";
import "./folds.js";
import "./back-to-row.js";
import "./dialog.js";
import "../live/newer.js";
import "../live/redactions.js";
import "./times.js";
import "./zones.js";
