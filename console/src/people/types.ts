/** Shapes of accounts, keys and the audit log at the API. */

export interface Account {
  name: string;
  display_name: string;
  language: "zh" | "en";
  department_id: number | null;
  grants: string[];
  has_password: boolean;
  has_oidc: boolean;
  created_at: string;
  created_by: string;
  disabled_at: string | null;
  used_at: string | null;
  keys: number;
}

export interface Key {
  key_id: number;
  name: string;
  prefix: string;
  /** null = all that its owner may */
  grants: string[] | null;
  created_at: string;
  expires_at: string | null;
  used_at: string | null;
}

export interface AccountKey extends Key {
  account: string;
}

export interface Session {
  session_id: number;
  method: "password" | "oidc" | "link";
  created_at: string;
  used_at: string;
  expires_at: string;
  address: string;
  user_agent: string;
  is_this: boolean;
}

export interface AuditEntry {
  audit_id: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
}

export interface Page<Item> {
  items: Item[];
  next: string | null;
}

export const ROLES = [
  "viewer",
  "operator",
  "shift_leader",
  "dispatcher",
  "department",
  "inspector",
  "engineer",
  "rule_author",
  "admin",
] as const;

/** A role and where it holds, as the API writes it: `dispatcher@130203`, `inspector@grid:P1`; no place = the city. */
export function partsOf(grant: string): { role: string; place: string } {
  const [role = "", place = ""] = grant.split("@");
  return { role, place };
}

export function grantOf(role: string, place: string): string {
  return place ? `${role}@${place}` : role;
}
