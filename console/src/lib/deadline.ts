/** What is left of an incident's time: the share used, and which colour says so (80 % is the field's usual amber). */
import type { Incident } from "../api/types";

export type Urgency = "calm" | "soon" | "overdue" | "done";

const AMBER_FROM = 0.8;

export interface TimeLeft {
  urgency: Urgency;
  /** share of the time still left, 0..1 */
  left: number;
  /** milliseconds to the deadline; negative = overdue by */
  ms: number;
}

export function timeLeft(
  incident: Pick<Incident, "opened_at" | "deadline" | "recovered_at" | "closed_at">,
  nowMs: number,
): TimeLeft {
  const start = Date.parse(incident.opened_at);
  const end = incident.deadline ? Date.parse(incident.deadline) : Number.POSITIVE_INFINITY;
  const stopped = incident.closed_at ?? incident.recovered_at;
  const at = stopped ? Date.parse(stopped) : nowMs;
  const used = end > start ? (at - start) / (end - start) : 1;
  const left = Math.min(1, Math.max(0, 1 - used));
  return { urgency: stopped ? "done" : urgencyOf(used), left, ms: end - at };
}

function urgencyOf(used: number): Urgency {
  if (used >= 1) return "overdue";
  return used >= AMBER_FROM ? "soon" : "calm";
}
