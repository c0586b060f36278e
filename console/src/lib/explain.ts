/** The one number that explains an incident: what was measured, against which limit, for how long. */
import type { Evidence } from "../api/types";
import { withUnit } from "./number";

export interface Explanation {
  channel: string;
  value: string;
  /** empty when the rule compares with nothing (absence) */
  limit: string;
  forSeconds: number;
}

const SIGNS: Record<string, string> = { ">=": "≥", "<=": "≤", "!=": "≠", "==": "=" };

export function comparisonSign(comparison: string | null | undefined): string {
  const sign = /[<>]=?|[!=]=/.exec(comparison ?? "")?.[0] ?? "";
  return SIGNS[sign] ?? sign;
}

export function explanation(evidence: Partial<Evidence>): Explanation | null {
  const { channel, value, threshold, unit, comparison } = evidence;
  if (!channel || value === null || value === undefined) return null;
  const sign = comparisonSign(comparison);
  const limit = sign && typeof threshold === "number" ? `${sign} ${withUnit(threshold, unit)}` : "";
  return { channel, value: withUnit(value, unit), limit, forSeconds: evidence.for_s ?? 0 };
}

/** A rule about absence measures nothing but time: how long nothing was heard, in seconds. */
export function silence(evidence: Partial<Evidence>): number | null {
  return !evidence.channel && evidence.unit === "s" && typeof evidence.value === "number" ? evidence.value : null;
}
