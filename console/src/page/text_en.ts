/** English texts that all small pages share. */
import type { Key } from "./text_zh";

export const en: Record<Key, string> = {
  "page.skip": "Skip to the content",
  "page.console": "City sensing",
  "page.lang": "中文",
  "page.light": "Light",
  "page.dark": "Dark",
  "page.soon": "This page is not in use yet.",
  "error.offline": "The server cannot be reached",
  "error.offlineHint": "Check the network and try again.",
  "error.timeout": "The server did not answer in time",
  "error.timeoutHint": "Try again in a moment.",
  "error.missing": "Not found",
  "error.missingHint": "It may have been moved, or the number is wrong.",
  "error.conflict": "It conflicts with what is there",
  "error.conflictHint": "",
  "error.refused": "The request was refused",
  "error.refusedHint": "",
  "error.server": "The server failed",
  "error.serverHint": "The failure is logged. Try again in a moment.",
  "error.retry": "Try again",
};
