/** What is left of an incident's time, by the instants the API names: the clock's start, amber (80 % used), due. */
import type { Incident } from "../api/types";

export type Urgency = "calm" | "soon" | "overdue" | "done";

const AMBER_SHARE = 0.8;

export interface TimeLeft {
  urgency: Urgency;
  /** share of the time still left, 0..1 */
  left: number;
  /** milliseconds to the deadline; negative = overdue by */
  ms: number;
}

export function timeLeft(
  incident: Pick<Incident, "opened_at" | "clock_since" | "amber_at" | "deadline" | "recovered_at" | "closed_at">,
  nowMs: number,
): TimeLeft {
  const start = Date.parse(incident.clock_since ?? incident.opened_at);
  const end = incident.deadline ? Date.parse(incident.deadline) : Number.POSITIVE_INFINITY;
  const stopped = incident.closed_at ?? incident.recovered_at;
  const at = stopped ? Date.parse(stopped) : nowMs;
  const amber = incident.amber_at ? Date.parse(incident.amber_at) : start + AMBER_SHARE * (end - start);
  const used =
    at <= amber ? AMBER_SHARE * part(start, amber, at) : AMBER_SHARE + (1 - AMBER_SHARE) * part(amber, end, at);
  const left = Math.min(1, Math.max(0, 1 - used));
  return { urgency: stopped ? "done" : urgencyOf(at, amber, end), left, ms: end - at };
}

/** the clock may stand at night, so the bar moves evenly only up to amber, and from amber to the end */
function part(from: number, to: number, at: number): number {
  return to > from ? Math.max(0, (at - from) / (to - from)) : 1;
}

function urgencyOf(at: number, amber: number, end: number): Urgency {
  if (at > end) return "overdue";
  return at > amber ? "soon" : "calm";
}
