/** English texts of the page `/citizens`. */
import type { Key } from "./text_zh";

export const en: Record<Key, string> = {
  "citizens.title": "City map",
  "citizens.kinds": "Kinds of places",
  "citizens.all": "All",
  "citizens.places": "Places nearby",
  "citizens.map": "Map of streets and public places",
  "citizens.here": "My position",
  "citizens.finding": "Finding you…",
  "citizens.fromHere": "By distance from you",
  "citizens.fromMiddle": "By distance from the middle of the map",
  "citizens.forget": "Use the map's middle",
  "citizens.denied": "The browser did not tell a position. Move the map: the list follows its middle.",
  "citizens.found": "{count} places, the nearest first",
  "citizens.nearest": "The nearest {count}",
  "citizens.none": "No places are open",
  "citizens.noneHint": "The city has opened no kind yet, or none of these places can be used just now.",
  "citizens.loading": "Looking…",
  "citizens.you": "You are here",
};
