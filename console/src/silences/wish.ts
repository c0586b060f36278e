/** What a form says to what the API wants: matchers, recurring times, an end. Pure. */

export const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export type Day = (typeof DAYS)[number];

export interface Window {
  weekdays?: string[];
  times?: { start_time: string; end_time: string }[];
}

const MIDNIGHT = "00:00";
const END_OF_DAY = "24:00";

/** `device="lamp \"7\""`: quotes and backslashes of the value are its own. */
export function matcherOf(label: string, value: string, operator: "=" | "=~" = "="): string {
  return `${label}${operator}"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** Lines as people write them; empty ones say nothing. */
export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/** The times from `opens` to `closes` on these days, every day when none is named; over midnight as two windows. */
export function windowsOf(days: readonly Day[], opens: string, closes: string): Window[] {
  if (opens < closes) return [windowOf(days, opens, closes)];
  const late = windowOf(days, opens, END_OF_DAY);
  return closes === MIDNIGHT ? [late] : [late, windowOf(days.map(dayAfter), MIDNIGHT, closes)];
}

function windowOf(days: readonly Day[], start: string, end: string): Window {
  const times = [{ start_time: start, end_time: end }];
  return days.length ? { weekdays: [...days], times } : { times };
}

function dayAfter(day: Day): Day {
  return DAYS[(DAYS.indexOf(day) + 1) % DAYS.length] as Day;
}

/** The parts of a matcher that says a label is something, or one of a few; null = it says more than that. */
export function equalsOf(matcher: string): { label: string; values: string[] } | null {
  const [, label = "", operator, quoted = ""] = /^(\w+)(=~?)"((?:[^"\\]|\\.)*)"$/.exec(matcher.trim()) ?? [];
  const value = quoted.replace(/\\(.)/g, "$1");
  if (operator === "=") return { label, values: [value] };
  return operator && /^[\w|-]+$/.test(value) ? { label, values: value.split("|") } : null;
}
