/** English texts of the page `/login`. */
import type { Key } from "./text_zh";

export const en: Record<Key, string> = {
  "login.title": "Sign in",
  "login.what": "Sign in with your account.",
};
