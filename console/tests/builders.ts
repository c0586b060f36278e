/** An incident that is valid by default; a test says only what it is about. */
import type { Incident } from "../src/api/types";

export const NOW = Date.parse("2026-11-22T04:00:00Z");

export function minutes(count: number): string {
  return new Date(NOW + count * 60_000).toISOString();
}

export function incident(given: Partial<Incident> = {}): Incident {
  return {
    incident_id: 1,
    rule: "CoverDisplaced",
    severity: "critical",
    title_zh: "井盖移位",
    title_en: "Manhole cover displaced",
    case_no: "130200-20261122-000001",
    stage: "reported",
    origin: "simulated",
    fired_ts: minutes(-10),
    opened_at: minutes(-10),
    deadline: minutes(110),
    amber_at: null,
    clock_since: null,
    limit_stage: null,
    recovered_at: null,
    closed_at: null,
    district_code: "130203",
    unit_grid_code: "130203001001001",
    patrol_grid_code: "P001",
    patrol_name_zh: "河北路巡查网格1",
    patrol_name_en: "Hebei Road patrol grid 1",
    street_zh: "河北路街道",
    street_en: "Hebei Road",
    community_zh: "第一社区",
    community_en: "First",
    component_code: "1302030102000001",
    class_code: "0102",
    device_label: "MH-000001",
    department_id: 3,
    department_zh: "排水管理处",
    department_en: "Drainage Office",
    assignee: null,
    parent_id: null,
    request_kind: null,
    lon: 118.18,
    lat: 39.63,
    geometry: { type: "Point", coordinates: [118.18, 39.63] },
    evidence: {
      channel: "tilt_deg",
      comparison: "tilt_deg > 15",
      threshold: 15,
      value: 27.4,
      unit: "deg",
      for_s: 120,
      readings: [],
    },
    ...given,
  };
}
