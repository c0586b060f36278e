/** Which key means what. Pure; `keys.ts` does it. */

export type Command = "next" | "previous" | "open" | "close" | "search" | "lang" | "theme" | "help" | "evaluation";

const KEYS: Record<string, Command> = {
  j: "next",
  k: "previous",
  Enter: "open",
  Escape: "close",
  "/": "search",
  l: "lang",
  d: "theme",
  e: "evaluation",
  "?": "help",
};

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** tag name of what has the focus */
  within: string;
}

/** In a field keys are letters, and Enter belongs to the button that has the focus. */
export function commandOf(pressed: Pressed): Command | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return null;
  const command = KEYS[pressed.key] ?? null;
  const inField = ["INPUT", "SELECT", "TEXTAREA"].includes(pressed.within);
  if (inField) return command === "close" ? command : null;
  if (command === "open" && pressed.within !== "BODY" && pressed.within !== "CANVAS") return null;
  return command;
}

/** The row after or before the one the cursor is on. */
export function step(ids: readonly number[], at: number | null, by: 1 | -1): number | null {
  if (!ids.length) return null;
  const index = at === null ? -1 : ids.indexOf(at);
  if (index < 0) return (by > 0 ? ids[0] : ids[ids.length - 1]) ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, index + by))] ?? null;
}
