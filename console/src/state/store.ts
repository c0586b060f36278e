/** The page's state as signals. Only this folder writes them; components read and call the functions of `control.ts`. */
import { computed, signal } from "@preact/signals";
import type { Area, Department, Incident, LiveRow, Summary } from "../api/types";
import { type Key, name as nameIn, type Params, text, word as wordIn } from "../i18n/text";
import type { Lang } from "../lib/time";
import { countBySeverity, type Incidents, matching, openByDeadline } from "./incidents";
import { emptyView, parseView, type View } from "./view";

export type Theme = "dark" | "light";
export type Link = "connecting" | "live" | "lost";

const LANG_KEY = "citygrid.lang";
const THEME_KEY = "citygrid.theme";

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // a browser that keeps nothing still shows everything
  }
}

function firstLang(): Lang {
  const before = stored(LANG_KEY);
  if (before === "zh" || before === "en") return before;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function firstTheme(): Theme {
  const before = stored(THEME_KEY);
  if (before === "dark" || before === "light") return before;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

export const view = signal<View>(
  typeof location === "undefined" ? emptyView("zh") : parseView(location.search, firstLang()),
);
export const theme = signal<Theme>(firstTheme());
export const link = signal<Link>("connecting");
/** when the last word from the server came, epoch ms */
export const asOf = signal(Date.now());
/** the page's clock, once a second: ages and bars read it */
export const nowMs = signal(Date.now());

export const summary = signal<Summary | null>(null);
export const incidents = signal<Incidents>(new Map());
export const incidentsLoaded = signal(false);
export const incidentsError = signal<Error | null>(null);
export const ended = signal<{ rows: Incident[]; next: string | null; loading: boolean }>({
  rows: [],
  next: null,
  loading: false,
});
export const devices = signal<ReadonlyMap<string, LiveRow>>(new Map());
export const districts = signal<Area[]>([]);
export const departments = signal<Department[]>([]);
/** the row the keyboard is on */
export const cursor = signal<number | null>(null);
export const helpOpen = signal(false);

export const lang = computed(() => view.value.lang);
export const city = computed(() => summary.value?.city ?? {});
export const zone = computed(() => summary.value?.timezone ?? "Asia/Shanghai");
export const openRows = computed(() => openByDeadline(incidents.value));
export const openCounts = computed(() => countBySeverity(openRows.value));
export const shownRows = computed(() => {
  const all = view.value.listing === "open" ? openRows.value : ended.value.rows;
  return matching(all, view.value);
});

export function t(key: Key, params?: Params): string {
  return text(lang.value, key, params);
}

export function word(group: string, value: string): string {
  return wordIn(lang.value, group, value);
}

export function named(zhName: string | null | undefined, enName: string | null | undefined): string {
  return nameIn(lang.value, zhName, enName);
}

export function setLang(next: Lang): void {
  keep(LANG_KEY, next);
  view.value = { ...view.value, lang: next };
}

/** Whether the reader or the address named a language; asked before the page writes its own address. */
export const languageWasChosen =
  stored(LANG_KEY) !== null || (typeof location !== "undefined" && new URLSearchParams(location.search).has("lang"));

export function setTheme(next: Theme): void {
  keep(THEME_KEY, next);
  theme.value = next;
}
