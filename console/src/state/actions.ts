/** What may be done next to an incident, by its stage (the API refuses everything else). */
import type { Stage } from "../api/types";

export type Action = "acknowledge" | "assign" | "close";

const NEXT: Partial<Record<Stage, readonly Action[]>> = {
  reported: ["acknowledge", "close"],
  filed: ["assign", "close"],
  dispatched: ["close", "assign"],
};

export function nextActions(stage: Stage): readonly Action[] {
  return NEXT[stage] ?? [];
}
