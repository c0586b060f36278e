/** Picks texts and names in the reader's language. Pure: the language is an argument. */
import type { Lang } from "../lib/time";
import { en } from "./en";
import { type Key, zh } from "./zh";

export type { Key } from "./zh";
export type Params = Record<string, string | number>;

const TEXTS: Record<Lang, Record<Key, string>> = { zh, en };

export function text(lang: Lang, key: Key, params: Params = {}): string {
  return TEXTS[lang][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** A text whose key ends in a word from the API, which may be newer than this page: then the word itself. */
export function word(lang: Lang, group: string, value: string): string {
  const texts: Record<string, string> = TEXTS[lang];
  return texts[`${group}.${value}`] ?? value;
}

/** The name in the reader's language; where there is only the other one, that. */
export function name(lang: Lang, zhName: string | null | undefined, enName: string | null | undefined): string {
  return (lang === "zh" ? zhName || enName : enName || zhName) ?? "";
}
