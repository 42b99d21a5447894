// Every tool by name. A tool is down, move, up, key and a hint; it changes the state and draws nothing.
import * as box from "./box.js";
import * as length from "./length.js";
import * as polygon from "./polygon.js";
import * as select from "./select.js";

export const TOOLS = { select, region: polygon, ignore: polygon, zone: polygon, locate: box, length };
