/** English texts of the page `/login`. */
import type { Key } from "./text_zh";

export const en: Record<Key, string> = {
  "login.title": "Sign in",
  "login.name": "Account",
  "login.password": "Password",
  "login.show": "Show the password",
  "login.do": "Sign in",
  "login.busy": "Signing in…",
  "login.or": "or",
  "login.openid": "Sign in with {provider}",
  "login.wrong": "The account or the password is wrong.",
  "login.wait": "Too many failed attempts: try again in {time}.",
  "login.ready": "You can try again now.",
  "login.link": "This link was used or is too old: sign in by password, or ask for a new one.",
  "login.oidc": "Single sign-on did not work: try again, or ask an administrator.",
  "login.offline": "The server cannot be reached: check the network and try again.",
  "login.failed": "The server failed: try again in a moment.",
  "login.forgotten": "Forgot the password? An administrator sets a new one.",
};
