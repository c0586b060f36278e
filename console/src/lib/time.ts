/** Times as people read them: short spans in words, absolute times in the city's own zone. */

export type Lang = "zh" | "en";

const UNITS: [number, { zh: string; en: string }][] = [
  [86_400, { zh: "天", en: "d" }],
  [3_600, { zh: "小时", en: "h" }],
  [60, { zh: "分", en: "min" }],
  [1, { zh: "秒", en: "s" }],
];

/** Two units at most, the second only when it matters: `2 h 5 min`, `47 s`, `3 d`. */
export function span(ms: number, lang: Lang): string {
  const total = Math.max(0, Math.round(Math.abs(ms) / 1000));
  const index = UNITS.findIndex(([size]) => total >= size);
  if (index < 0) return join(0, UNITS[3]?.[1][lang] ?? "", lang);
  const [size, name] = UNITS[index] as (typeof UNITS)[number];
  const first = join(Math.floor(total / size), name[lang], lang);
  const next = UNITS[index + 1];
  if (!next || index === 2) return first;
  const rest = Math.floor((total % size) / next[0]);
  return rest ? `${first}${lang === "zh" ? "" : " "}${join(rest, next[1][lang], lang)}` : first;
}

function join(count: number, unit: string, lang: Lang): string {
  return lang === "zh" ? `${count}${unit}` : `${count} ${unit}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const id = `${zone}/${key}`;
  let made = formats.get(id);
  if (!made) {
    made = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, ...options });
    formats.set(id, made);
  }
  return made;
}

const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const DATE: Intl.DateTimeFormatOptions = { year: "numeric", month: "2-digit", day: "2-digit" };

/** `2026-11-22 12:04:31` in the city's zone. */
export function absolute(at: string | number, zone: string): string {
  return format(zone, "full", { ...DATE, ...CLOCK }).format(new Date(at));
}

/** `12:04:31` in the city's zone. */
export function clock(at: string | number, zone: string): string {
  return format(zone, "clock", CLOCK).format(new Date(at));
}

/** `12:04` today, `11-22 12:04` on another day. */
export function short(at: string | number, zone: string, nowMs: number): string {
  const day = format(zone, "date", DATE);
  const time = format(zone, "hm", { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
  const date = day.format(new Date(at));
  return date === day.format(new Date(nowMs)) ? time : `${date.slice(5)} ${time}`;
}

/** The moment at which clocks of a zone show a time as a form's field gives it: `2026-11-22T12:04`. */
export function instantIn(local: string, zone: string): number {
  const wanted = Date.parse(`${local}Z`);
  const shown = (at: number) => Date.parse(`${absolute(at, zone).replace(" ", "T")}Z`);
  const near = wanted - (shown(wanted) - wanted);
  // on the day clocks change, the shift at the wanted time is not the one at the first guess
  return near - (shown(near) - wanted);
}
