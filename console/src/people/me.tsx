/** Tab: one's own account. Roles, password, where one is signed in, and one's API keys. */
import { useState } from "preact/hooks";
import type { Me } from "../api/account";
import { del } from "../api/client";
import { Ask } from "../page/ask";
import { Failed } from "../page/frame";
import { named } from "../page/state";
import { PasswordForm } from "../ui/password_form";
import { useLoaded } from "../ui/use_loaded";
import { MyKeys } from "./my_keys";
import type { Session } from "./types";
import { me } from "./who";
import { t, when, word } from "./words";

export default function MeTab() {
  const who = me.value;
  if (!who) return null;
  return (
    <>
      <section>
        <h2>
          {who.display_name} <span class="muted">{who.name}</span>
        </h2>
        <p class="muted">{named(who.department_zh, who.department_en)}</p>
        <Roles who={who} />
      </section>
      <Password who={who} />
      <Sessions />
      <MyKeys who={who} />
    </>
  );
}

function Roles({ who }: { who: Me }) {
  if (!who.grants.length) return <p>{t("account.nothing")}</p>;
  return (
    <ul class="grant-list" aria-label={t("me.grants")}>
      {who.grants.map((held) => (
        <li key={held.grant} class="tag">
          {word("grant", held.role)} · {named(held.place_zh, held.place_en) || t("account.city")}
        </li>
      ))}
    </ul>
  );
}

function Password({ who }: { who: Me }) {
  const [open, setOpen] = useState(false);
  const [done, setDone] = useState(false);
  const finish = () => {
    setOpen(false);
    setDone(true);
  };
  return (
    <section class="form-card">
      <h2>{t("me.password")}</h2>
      {!who.has_password && <p class="muted">{t("me.noPassword")}</p>}
      {open && <PasswordForm id="password-form" name={who.name} t={t} done={finish} />}
      <p role="status">{done && t("account.changed")}</p>
      {who.has_password && (
        <div class="form-buttons">
          {open ? (
            <>
              <button type="submit" form="password-form" class="button primary">
                {t("account.password")}
              </button>
              <button type="button" class="button" onClick={() => setOpen(false)}>
                {t("account.cancel")}
              </button>
            </>
          ) : (
            <button type="button" class="button" onClick={() => setOpen(true)}>
              {t("account.password")}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

/** `Firefox, Windows` of what a browser calls itself; a name this page does not know as it is. */
export function browserName(userAgent: string): string {
  const browser = /Edg\//.test(userAgent)
    ? "Edge"
    : /Firefox\//.test(userAgent)
      ? "Firefox"
      : /Chrome\//.test(userAgent)
        ? "Chrome"
        : /Safari\//.test(userAgent)
          ? "Safari"
          : "";
  const system = /Android|iPhone|iPad|Windows|Mac OS X|Linux/.exec(userAgent)?.[0] ?? "";
  return [browser || userAgent.slice(0, 40), browser && system].filter(Boolean).join(", ");
}

function Sessions() {
  const { data, error, reload } = useLoaded<{ items: Session[] }>("/me/sessions");
  return (
    <section class="form-card">
      <h2>{t("me.sessions")}</h2>
      {error && <Failed error={error} retry={reload} />}
      {data?.items.map((session) => {
        const where = `${browserName(session.user_agent)} (${session.address})`;
        return (
          <article key={session.session_id}>
            <p>
              {where} {session.is_this && <span class="tag">{t("me.this")}</span>}
            </p>
            <p class="muted">{t("me.since", { at: when(session.created_at), used: when(session.used_at) })}</p>
            {!session.is_this && (
              <Ask
                label={t("me.end")}
                question={t("me.endAsk", { where })}
                run={() => del(`/me/sessions/${session.session_id}`).then(reload)}
              />
            )}
          </article>
        );
      })}
    </section>
  );
}
