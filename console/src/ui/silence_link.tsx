/** The way from what is looked at to a silence of it, for who may hold cases back. */
import { maySilence } from "../api/account";
import { me } from "../state/account";
import { lang, t } from "../state/store";

export function SilenceLink({ rule = "", device = "" }: { rule?: string; device?: string | null }) {
  if (!maySilence(me.value) || !(rule || device)) return null;
  const about = new URLSearchParams({ lang: lang.value });
  if (rule) about.set("rule", rule);
  if (device) about.set("device", device);
  return (
    <a class="link-row" href={`/silences/new?${about}`}>
      {t("detail.silence")} <span aria-hidden="true">›</span>
    </a>
  );
}
