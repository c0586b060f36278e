/** English texts of the page `/field`. */
import type { Key } from "./text_zh";

export const en: Record<Key, string> = {
  "field.title": "In the street",
  "field.what": "Register a device where it stands, with a phone.",
};
