/** The open incidents as the browser knows them: a snapshot from the API, kept current by the stream's events. */
import type { Incident, Severity, Stage } from "../api/types";
import { timeLeft } from "../lib/deadline";
import type { View } from "./view";

export interface Known {
  incident: Incident;
  /** the newest event applied; a snapshot taken before it must not undo it */
  eventId: number;
}

export type Incidents = ReadonlyMap<number, Known>;

const ENDS: ReadonlySet<Stage> = new Set(["closed", "rejected", "cancelled"]);

export function isOpen(incident: Pick<Incident, "stage">): boolean {
  return !ENDS.has(incident.stage);
}

/** Whether a person must act now: nobody has taken it, or it is past its time. */
export function mustAct(incident: Incident, nowMs: number): boolean {
  if (!isOpen(incident) || incident.severity === "info") return false;
  return incident.stage === "reported" || timeLeft(incident, nowMs).urgency === "overdue";
}

export function applyEvent(known: Incidents, eventId: number, incident: Incident): Incidents {
  const before = known.get(incident.incident_id);
  if (before && before.eventId >= eventId) return known;
  return new Map(known).set(incident.incident_id, { incident, eventId });
}

/** Take a snapshot that was asked for when `askedAt` was the newest event; what changed since then stays. */
export function applySnapshot(known: Incidents, rows: readonly Incident[], askedAt: number): Incidents {
  const next = new Map<number, Known>();
  for (const incident of rows) next.set(incident.incident_id, { incident, eventId: askedAt });
  for (const [id, entry] of known) if (entry.eventId > askedAt) next.set(id, entry);
  return next;
}

/** Open incidents, what is due first on top. */
export function openByDeadline(known: Incidents): Incident[] {
  const rows = [...known.values()].map((entry) => entry.incident).filter(isOpen);
  return rows.sort((a, b) => dueAt(a) - dueAt(b) || a.incident_id - b.incident_id);
}

function dueAt(incident: Incident): number {
  return incident.deadline ? Date.parse(incident.deadline) : Number.MAX_VALUE;
}

export type Filter = Pick<View, "severities" | "district" | "text">;

export function matching(rows: readonly Incident[], filter: Filter): Incident[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(
    (row) =>
      (!filter.severities.length || filter.severities.includes(row.severity)) &&
      (!filter.district || row.district_code === filter.district) &&
      words.every((word) => haystack(row).includes(word)),
  );
}

function haystack(row: Incident): string {
  const parts = [
    `#${row.incident_id}`,
    row.title_zh,
    row.title_en,
    row.rule,
    row.street_zh,
    row.street_en,
    row.community_zh,
    row.community_en,
    row.patrol_name_zh,
    row.patrol_name_en,
    row.unit_grid_code,
    row.component_code,
    row.device_label,
    row.department_zh,
    row.department_en,
    row.assignee,
  ];
  return parts.filter(Boolean).join(" ").toLowerCase();
}

export function countBySeverity(rows: readonly Incident[]): Record<Severity, number> {
  const counts: Record<Severity, number> = { critical: 0, major: 0, minor: 0, info: 0 };
  for (const row of rows) counts[row.severity] += 1;
  return counts;
}

/** How many are open in each grid, by the given code. */
export function countByGrid(
  rows: readonly Incident[],
  code: "unit_grid_code" | "patrol_grid_code",
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const grid = row[code];
    if (grid) counts.set(grid, (counts.get(grid) ?? 0) + 1);
  }
  return counts;
}
