/** Shapes of silences at the API. */
import type { Window } from "./wish";

export interface Silence {
  silence_id: number;
  state: "pending" | "active" | "expired";
  matchers: string[];
  areas: string[];
  polygon: unknown;
  windows: Window[] | null;
  starts_at: string;
  ends_at: string;
  author: string;
  reason: string;
  ended_by: string | null;
  ended_reason: string | null;
  holds_back: number;
  held_back: number;
}

export interface Muted {
  muted_id: number;
  rule: string;
  severity: string;
  device_label: string | null;
  fired_ts: string;
}

export interface Rule {
  rule: string;
  summary_zh: string;
  summary_en: string;
}
