/** How figures of evaluation are shown. Pure. */
import type { Lang } from "./time";

export type Side = "good" | "bad";

const LESS_IS_BETTER = new Set(["overdue_open_rate", "rework_rate", "extension_rate"]);

/** Whether a long bar is good news. */
export function sides(key: string): Side {
  return LESS_IS_BETTER.has(key) ? "bad" : "good";
}

/** A share of 0 to 1 with one decimal, which whole numbers do without. */
export function share(value: number): string {
  const text = (value * 100).toFixed(1);
  return `${text.endsWith(".0") ? text.slice(0, -2) : text}%`;
}

/** So many days up to now, in whole minutes. */
export function span(nowMs: number, days: number): { from: string; to: string } {
  const end = Math.ceil(nowMs / 60_000) * 60_000;
  return { from: new Date(end - days * 86_400_000).toISOString(), to: new Date(end).toISOString() };
}

export function spanText(days: number, lang: Lang): string {
  if (lang === "zh") return days === 1 ? "最近 24 小时" : `最近 ${days} 天`;
  return days === 1 ? "last 24 hours" : `last ${days} days`;
}
