/** One's own account at the API: who I am, signing in and out. */
import { del, get, patch, post, put } from "./client";

export interface Me {
  name: string;
  display_name: string;
  language: "zh" | "en";
  grants: { grant: string; role: string; place_zh: string | null; place_en: string | null }[];
  department_zh: string | null;
  department_en: string | null;
  has_password: boolean;
  until: string | null;
}

export const administersCity = (who: Me) => who.grants.some((held) => held.grant === "admin");

/** Who may hold cases back; the API decides, this spares everybody else the form. */
const MAY_SILENCE = new Set(["operator", "shift_leader", "dispatcher", "engineer", "rule_author", "admin"]);
export const maySilence = (who: Me | null) => who?.grants.some((held) => MAY_SILENCE.has(held.role)) ?? false;

/** Who may change devices, as far as roles say it; the API decides, also by place. */
const ENGINEERS = new Set(["engineer", "admin"]);
export const mayEngineer = (who: Me | null) => who?.grants.some((held) => ENGINEERS.has(held.role)) ?? false;

/** How one may sign in, and who is signed in already. */
export interface Ways {
  openid: string | null;
  signed_in: string | null;
}

export const waysIn = () => get<Ways>("/session");
export const signIn = (given: { name: string; password: string } | { token: string }) =>
  post<unknown>("/session", given);
export const signOut = () => del<unknown>("/session");
export const whoAmI = () => get<Me>("/me");
export const keepLanguage = (language: Me["language"]) => patch<Me>("/me", { language });
export const changePassword = (old: string, fresh: string) => put<unknown>("/me/password", { old, new: fresh });

export function openIdAddress(next: string): string {
  return `/api/v1/session/oidc/start?return_to=${encodeURIComponent(next)}`;
}
