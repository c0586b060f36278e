/** One account: what it is, what it may, a new password, its sessions, and whether it is let in at all. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, del, patch } from "../api/client";
import { Ask } from "../page/ask";
import { Failed } from "../page/frame";
import type { Places } from "../page/places";
import { go } from "../page/route";
import { ShownOnce } from "../page/shown_once";
import { useLoaded } from "../ui/use_loaded";
import { DepartmentField, LanguageField } from "./fields";
import { GrantsEditor } from "./grants";
import { freshPassword } from "./password";
import type { Account } from "./types";
import { me } from "./who";
import { t, when } from "./words";

const addressOf = (name: string) => `/accounts/${encodeURIComponent(name)}`;

/** Of the conflicts an account knows, the last administrator is the one that needs another person. */
function explained(error: Error): Error {
  return error instanceof ApiError && error.kind === "conflict"
    ? new ApiError("conflict", t("people.last"), error.why)
    : error;
}

export function OneAccount({ name, places }: { name: string; places: Places }) {
  const { data, error, reload } = useLoaded<Account>(addressOf(name));
  const [changed, setChanged] = useState<Account | null>(null);
  const account = changed ?? data;
  return (
    <>
      <div>
        <button type="button" class="text-button" onClick={() => go("accounts")}>
          ‹ {t("page.back")}
        </button>
      </div>
      {error && !account && <Failed error={error} retry={reload} />}
      {account && (
        <>
          <Head account={account} />
          <Profile account={account} places={places} changed={setChanged} />
          <Access account={account} changed={setChanged} />
        </>
      )}
    </>
  );
}

function Head({ account }: { account: Account }) {
  const ways = [account.has_password && t("people.byPassword"), account.has_oidc && t("people.byOidc")];
  return (
    <section>
      <h2>
        {account.display_name} <span class="muted">{account.name}</span>{" "}
        {account.disabled_at && <span class="tag">{t("people.disabled")}</span>}
      </h2>
      <p class="muted">
        {me.value?.name === account.name && `${t("people.self")} · `}
        {t("people.since", { by: account.created_by, at: when(account.created_at) })} · {t("people.ways")}{" "}
        {ways.filter(Boolean).join(" / ") || t("people.noWay")} · {t("people.seen")}{" "}
        {account.used_at ? when(account.used_at) : t("people.never")}
      </p>
      <p class="form-buttons">
        <button type="button" class="button" onClick={() => go("keys", account.name)}>
          {t("people.itsKeys", { count: account.keys })}
        </button>
        <button type="button" class="button" onClick={() => go("audit", account.name)}>
          {t("people.itsAudit")}
        </button>
      </p>
    </section>
  );
}

interface PartProps {
  account: Account;
  changed: (account: Account) => void;
}

function Profile({ account, places, changed }: PartProps & { places: Places }) {
  const [grants, setGrants] = useState(account.grants);
  const [saved, setSaved] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => setGrants(account.grants), [account]);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const text = (field: string) => String(given.get(field) ?? "").trim();
    setError(null);
    setSaved(false);
    try {
      changed(
        await patch<Account>(addressOf(account.name), {
          display_name: text("display_name"),
          language: text("language"),
          department_id: Number(text("department_id")) || null,
          grants,
        }),
      );
      setSaved(true);
    } catch (reason) {
      setError(explained(reason as Error));
    }
  };
  return (
    <form class="form-card" onSubmit={(event) => void submit(event)} onInput={() => setSaved(false)}>
      <label class="form-row">
        <span>{t("people.display")}</span>
        <input
          class="field"
          name="display_name"
          required
          maxLength={100}
          pattern=".*\S.*"
          autocomplete="off"
          defaultValue={account.display_name}
        />
      </label>
      <LanguageField value={account.language} />
      <DepartmentField value={account.department_id} />
      <GrantsEditor
        value={grants}
        places={places}
        change={(wanted) => {
          setGrants(wanted);
          setSaved(false);
        }}
      />
      {error && <Failed error={error} />}
      <div class="form-buttons">
        <button type="submit" class="button primary">
          {t("people.save")}
        </button>
        <span role="status">{saved && t("people.saved")}</span>
      </div>
    </form>
  );
}

function Access({ account, changed }: PartProps) {
  const [password, setPassword] = useState("");
  const [said, setSaid] = useState("");
  const { name } = account;
  const change = (body: unknown) =>
    patch<Account>(addressOf(name), body).then(changed, (error: Error) => {
      throw explained(error);
    });
  const renew = async () => {
    const fresh = freshPassword();
    await change({ password: fresh });
    setPassword(fresh);
  };
  const end = async () => {
    changed(await del<Account>(`${addressOf(name)}/sessions`));
    setSaid(t("people.sessionsEnded"));
  };
  if (password) {
    const title = t("people.passwordOf", { name });
    return <ShownOnce title={title} secret={password} done={() => setPassword("")} />;
  }
  return (
    <section class="form-card">
      <div class="form-buttons">
        <Ask label={t("people.newPassword")} question={t("people.newPasswordAsk", { name })} run={renew} />
        <Ask label={t("people.endSessions")} question={t("people.endSessionsAsk", { name })} run={end} />
        {account.disabled_at ? (
          <Ask
            key="enable"
            label={t("people.enable")}
            question={t("people.enableAsk", { name })}
            run={() => change({ disabled: false })}
          />
        ) : (
          <Ask
            key="disable"
            label={t("people.disable")}
            question={t("people.disableAsk", { name })}
            run={() => change({ disabled: true })}
          />
        )}
      </div>
      <p role="status">{said}</p>
    </section>
  );
}
