/** English texts of one's own account, and the roles' names. */
import type { account as zh } from "../zh/account";

export const account: Record<keyof typeof zh, string> = {
  "account.title": "Account: {name}",
  "account.nothing": "No role was granted yet: ask an administrator.",
  "account.city": "whole city",
  "account.password": "Change password",
  "account.old": "Present password",
  "account.new": "New password",
  "account.again": "Once more",
  "account.rule": "12 characters or more, any you like. Other browsers and all API keys end with the old one.",
  "account.notSame": "The two new passwords differ.",
  "account.changed": "The password is changed; other browsers and all API keys have ended.",
  "account.cancel": "Cancel",
  "account.close": "Close",
  "account.own": "My account",
  "account.people": "Accounts, keys, audit",
  "account.silences": "Silences and maintenance",
  "account.signOut": "Sign out",

  "grant.viewer": "Viewer",
  "grant.operator": "Operator",
  "grant.shift_leader": "Shift leader",
  "grant.dispatcher": "Dispatcher",
  "grant.department": "Department",
  "grant.inspector": "Inspector",
  "grant.engineer": "Engineer",
  "grant.rule_author": "Rule author",
  "grant.admin": "Administrator",
};
