// Joins the behaviours that every page has; each is a file that attaches itself by data attributes.
import "./clock.js";
import "./confirm.js";
import "./keys.js";
import "./live.js";
