/** English texts of the registry page itself; a tab keeps its own beside it. */
import type { Key } from "./text_zh";

export const en: Record<Key, string> = {
  "registry.title": "Registry",
  "registry.tabs": "What is registered",
};
