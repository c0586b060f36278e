/** An API key, as it is listed: never the key itself, only how it begins. */
import type { ComponentChildren } from "preact";
import type { Places } from "../page/places";
import { GrantList } from "./grants";
import type { Key } from "./types";
import { t, when } from "./words";

interface KeyCardProps {
  of: Key;
  /** whose it is, where that is not plain */
  owner?: string;
  places: Places;
  /** what may be done with it */
  children: ComponentChildren;
}

export function KeyCard({ of, owner, places, children }: KeyCardProps) {
  const name = owner ? `${owner}/${of.name}` : of.name;
  return (
    <article class="form-card" aria-label={name} data-testid="key">
      <h3>
        {name} <code class="muted">{of.prefix}…</code>
      </h3>
      {of.grants ? <GrantList value={of.grants} places={places} /> : <p>{t("keys.all")}</p>}
      <p class="muted">
        {t("keys.made")} {when(of.created_at)} · {t("keys.ends")}{" "}
        {of.expires_at ? when(of.expires_at) : t("keys.noEnd")} · {t("keys.used")}{" "}
        {of.used_at ? when(of.used_at) : t("people.never")}
      </p>
      <div>{children}</div>
    </article>
  );
}
