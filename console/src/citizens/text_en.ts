/** English texts of the page `/citizens`. */
import type { Key } from "./text_zh";

export const en: Record<Key, string> = {
  "citizens.title": "City map",
  "citizens.what": "Find toilets, parking and other public facilities.",
};
