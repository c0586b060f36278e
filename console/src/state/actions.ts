/** What may be done next to an incident, by its stage (the API refuses everything else). */
import type { Stage } from "../api/types";

export type Action = "acknowledge" | "assign" | "close";

const NEXT: Record<Stage, readonly Action[]> = {
  reported: ["acknowledge", "close"],
  accepted: ["assign", "close"],
  dispatched: ["close", "assign"],
  resolved: [],
  closed: [],
};

export function nextActions(stage: Stage): readonly Action[] {
  return NEXT[stage];
}
