// Every tool by name. A tool is down, move, up, key and a hint; it changes the state and draws nothing.
import * as box from "../../canvas/tools/box.js";
import * as polygon from "../../canvas/tools/polygon.js";
import * as select from "../../canvas/tools/select.js";
import * as length from "./length.js";

const template = { ...box, hint: "Drag a box around a mark that every part shows: an edge, a hole, a print." };

export const TOOLS = { select, region: polygon, ignore: polygon, zone: polygon, locate: template, length };
