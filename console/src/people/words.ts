/** The page's texts, and how it says times, roles and scopes. */
import { placeName } from "../page/place_picker";
import type { Places } from "../page/places";
import { lang } from "../page/state";
import { en as pageEn } from "../page/text_en";
import { zh as pageZh } from "../page/text_zh";
import { words } from "../page/words";
import { en } from "./text_en";
import { zh } from "./text_zh";
import { partsOf } from "./types";

export const { t, word } = words({ zh: { ...pageZh, ...zh }, en: { ...pageEn, ...en } });

/** In the reader's own zone, with the day: these are things of weeks and months. */
export function when(at: string): string {
  return new Date(at).toLocaleString(lang.value === "zh" ? "zh-CN" : "en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
  });
}

export function grantText(grant: string, places: Places): string {
  const { role, place } = partsOf(grant);
  return `${word("grant", role)} · ${placeName(places, place)}`;
}
