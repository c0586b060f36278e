/** The tabs of `/people`: everybody has the own account, administrators of the whole city everybody's. */
import type { Tab } from "../page/tabs";

const OWN: Tab = { id: "me", title: { zh: "我的账号", en: "My account" }, load: () => import("./me") };

export const OF_ADMINISTRATORS: readonly Tab[] = [
  { id: "accounts", title: { zh: "账号", en: "Accounts" }, load: () => import("./accounts") },
  { id: "keys", title: { zh: "API 密钥", en: "API keys" }, load: () => import("./keys") },
  { id: "audit", title: { zh: "审计", en: "Audit" }, load: () => import("./audit") },
];

export const tabsOf = (administers: boolean): readonly Tab[] => (administers ? [...OF_ADMINISTRATORS, OWN] : [OWN]);
