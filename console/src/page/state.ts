/** What every small page keeps: language and theme, shared with the console through the browser's storage. */
import { effect, signal } from "@preact/signals";
import type { Lang } from "../lib/time";

export type Theme = "dark" | "light";

const LANG_KEY = "citygrid.lang";
const THEME_KEY = "citygrid.theme";
const GROUND: Record<Theme, string> = { dark: "#0c1218", light: "#ffffff" };

export function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // a browser that keeps nothing still shows everything
  }
}

function firstLang(): Lang {
  const wanted = new URLSearchParams(location.search).get("lang") ?? stored(LANG_KEY);
  if (wanted === "zh" || wanted === "en") return wanted;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function firstTheme(): Theme {
  const before = stored(THEME_KEY);
  if (before === "dark" || before === "light") return before;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

export const lang = signal<Lang>(typeof location === "undefined" ? "zh" : firstLang());
export const theme = signal<Theme>(typeof location === "undefined" ? "dark" : firstTheme());

/** The address says a language only until the reader chooses one. */
export function switchLang(): void {
  lang.value = lang.value === "zh" ? "en" : "zh";
  keep(LANG_KEY, lang.value);
  const here = new URL(location.href);
  if (here.searchParams.has("lang")) {
    here.searchParams.set("lang", lang.value);
    history.replaceState(history.state, "", here);
  }
}

export function switchTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  keep(THEME_KEY, theme.value);
}

/** The name in the reader's language; where there is only the other one, that. */
export function named(zhName: string | null | undefined, enName: string | null | undefined): string {
  return (lang.value === "zh" ? zhName || enName : enName || zhName) ?? "";
}

/** What the document itself says: language, theme, title. */
export function dressDocument(title: () => string): void {
  effect(() => {
    const root = document.documentElement;
    root.lang = lang.value === "zh" ? "zh-CN" : "en";
    root.dataset.theme = theme.value;
    document.title = title();
    document.querySelector('meta[name="theme-color"]')?.setAttribute("content", GROUND[theme.value]);
  });
}
