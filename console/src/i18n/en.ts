/** English texts of the console, by area. */
import { account } from "./en/account";
import { cases } from "./en/cases";
import { frame } from "./en/frame";
import { things } from "./en/things";
import type { Key } from "./zh";

export const en: Record<Key, string> = { ...frame, ...cases, ...things, ...account };
