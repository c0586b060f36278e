/** Shapes of the HTTP API (`/api/v1`), as the console uses them. The API's OpenAPI page is the authority. */

export type Severity = "info" | "minor" | "major" | "critical";
export type Stage =
  | "reported"
  | "verifying"
  | "verified"
  | "filed"
  | "dispatched"
  | "handling"
  | "suspended"
  | "handled"
  | "checking"
  | "checked"
  | "closed"
  | "rejected"
  | "cancelled";
export type Health = "online" | "late" | "silent" | "never";
export type Profile = string;

export interface Evidence {
  channel: string | null;
  comparison: string | null;
  threshold: number | null;
  value: number | null;
  unit: string | null;
  for_s: number | null;
  readings: [number, number | null][];
}

export interface Incident {
  incident_id: number;
  case_no: string;
  rule: string;
  severity: Severity;
  title_zh: string;
  title_en: string;
  stage: Stage;
  origin: "live" | "simulated" | "replayed";
  fired_ts: string;
  opened_at: string;
  /** when the running stage is due; null while no clock runs */
  deadline: string | null;
  /** when 80 % of the time is used */
  amber_at: string | null;
  /** since when the limit's clock runs; null: it stands, or it is a desk's */
  clock_since: string | null;
  /** what the limit asks for next: make_safe, repair ...; dispose when it has one stage */
  limit_stage: string | null;
  recovered_at: string | null;
  closed_at: string | null;
  district_code: string;
  unit_grid_code: string | null;
  patrol_grid_code: string | null;
  patrol_name_zh: string | null;
  patrol_name_en: string | null;
  street_zh: string | null;
  street_en: string | null;
  community_zh: string | null;
  community_en: string | null;
  component_code: string | null;
  class_code: string | null;
  device_label: string | null;
  department_id: number | null;
  department_zh: string | null;
  department_en: string | null;
  assignee: string | null;
  parent_id: number | null;
  /** what the department asked for and nobody has answered */
  request_kind: "return" | "extension" | "suspension" | null;
  lon: number;
  lat: number;
  /** what the rule saw */
  geometry: GeoJSON.Geometry;
  evidence: Partial<Evidence>;
}

export interface HistoryEntry {
  event_id: number;
  at: string;
  actor: string;
  role: string;
  kind: string;
  from_stage: Stage | null;
  to_stage: Stage;
  reason: string;
}

export interface IncidentDetail extends Incident {
  history: HistoryEntry[];
  request: { by: string; reason: string; extension?: string; until?: string } | null;
  reworks: number;
  returns: number;
  extensions: number;
  children: Child[];
}

/** A part of a case that was split or pushed down. */
export interface Child {
  incident_id: number;
  case_no: string;
  stage: Stage;
  department_zh: string | null;
  department_en: string | null;
}

/** A channel of a device with its newest value. */
export interface ChannelValue {
  channel: string;
  unit: string;
  name_zh: string;
  name_en: string;
  value: number | null;
}

/** Where something is, in words, as far as it lies in a grid. */
export interface Placed {
  district_code: string;
  unit_grid_code: string | null;
  patrol_grid_code?: string | null;
  patrol_name_zh?: string | null;
  patrol_name_en?: string | null;
  street_zh?: string | null;
  street_en?: string | null;
  community_zh?: string | null;
  community_en?: string | null;
  lon: number;
  lat: number;
}

/** What a device is; an empty word was not said. */
export interface DeviceAbout {
  maker: string;
  model: string;
  serial: string;
  hardware: string;
  firmware: string;
  at: string | null;
  by: string;
}

export interface Device extends Placed {
  about: DeviceAbout;
  label: string;
  profile: Profile;
  state: string;
  health: Health;
  interval_s: number;
  component_code: string | null;
  class_code: string | null;
  latest: { ts: string; received_at: string; quality: string[]; origin: string } | null;
  channels: ChannelValue[];
  quality: { today: DoubtCounts; seven_days: DoubtCounts };
  open_incidents: Incident[];
}

/** How many readings were stored, and how many messages were doubtful in which way. */
export interface DoubtCounts {
  stored: number;
  repeated: number;
  late: number;
  out_of_order: number;
  out_of_range: number;
  sentinel: number;
  suspect_jump: number;
  counter_reset: number;
  clock: number;
  refused: number;
}

/** Something a device said that is no number. */
export interface DeviceEvent {
  ts: string;
  kind: string;
  seq: number;
  confidence: number | null;
  plate: string | null;
  snapshot_url: string | null;
}

export interface Named {
  name_zh: string;
  name_en: string;
}

export interface Department extends Named {
  department_id: number;
}

export interface Component extends Placed {
  code: string;
  class_code: string;
  class_name_zh: string;
  class_name_en: string;
  name: string;
  state: string;
  competent: Named | null;
  owner: Named | null;
  maintainer: Named | null;
  surveyed_on: string | null;
  data_source: string;
  note: string;
  synthetic: boolean;
  geometry: GeoJSON.Geometry;
  devices: { label: string; profile: Profile; state: string; health: Health }[];
  open_incidents: Incident[];
}

export interface Series {
  device: string;
  channel: string;
  unit: string;
  bucket_s: number;
  /** epoch milliseconds, lowest, mean, highest, how many */
  points: [number, number | null, number | null, number | null, number][];
}

/** label, profile, longitude, latitude, health, worst open severity, bearing (buses) */
export type LiveRow = [string, Profile, number, number, Health, Severity | null, (number | null)?];

export interface LiveDevices {
  as_of: string;
  devices: LiveRow[];
}

/** Facts about the loaded city; which there are depends on who loaded it. */
export interface City {
  name_zh?: string;
  name_en?: string;
}

export interface Summary {
  as_of: string;
  city: City;
  synthetic: boolean;
  timezone: string;
  components: number;
  devices: Partial<Record<Health, number>>;
  open_incidents: Partial<Record<Severity, number>>;
  readings_last_minute: number;
  lag_s: number | null;
}

export interface Area {
  area_code: string;
  level: "city" | "district" | "street" | "community";
  name_zh: string;
  name_en: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}
