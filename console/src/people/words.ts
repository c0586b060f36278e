/** The page's texts, and how it says times, roles and scopes. */
import { absolute } from "../lib/time";
import { placeName } from "../page/place_picker";
import type { Places } from "../page/places";
import { en as pageEn } from "../page/text_en";
import { zh as pageZh } from "../page/text_zh";
import { words } from "../page/words";
import { en } from "./text_en";
import { zh } from "./text_zh";
import { partsOf } from "./types";

export const { t, word } = words({ zh: { ...pageZh, ...zh }, en: { ...pageEn, ...en } });

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `2026-11-22 12:04` in the reader's own zone: these are things of weeks and months. */
export function when(at: string): string {
  return absolute(at, ZONE).slice(0, -":00".length);
}

export function grantText(grant: string, places: Places): string {
  const { role, place } = partsOf(grant);
  return `${word("grant", role)} · ${placeName(places, place)}`;
}
