/** Adding an account: who it is, what it may and where, and a first password that is shown once. */
import { useState } from "preact/hooks";
import { ApiError, post } from "../api/client";
import { Failed } from "../page/frame";
import type { Places } from "../page/places";
import { go } from "../page/route";
import { ShownOnce } from "../page/shown_once";
import { lang } from "../page/state";
import { DepartmentField, LanguageField } from "./fields";
import { GrantsEditor } from "./grants";
import { freshPassword } from "./password";
import type { Account } from "./types";
import { t } from "./words";

export function NewAccount({ places }: { places: Places }) {
  const [grants, setGrants] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [made, setMade] = useState<{ name: string; password: string } | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(given.get(name) ?? "").trim();
    const password = given.has("password") ? freshPassword() : null;
    setBusy(true);
    setError(null);
    try {
      const account = await post<Account>("/accounts", {
        name: text("name"),
        display_name: text("display_name"),
        language: text("language"),
        department_id: Number(text("department_id")) || null,
        password,
        grants,
      });
      if (password) setMade({ name: account.name, password });
      else go("accounts", account.name);
    } catch (reason) {
      setError(reason as Error);
    } finally {
      setBusy(false);
    }
  };
  if (made) {
    const title = t("people.passwordOf", { name: made.name });
    return <ShownOnce title={title} secret={made.password} done={() => go("accounts", made.name)} />;
  }
  const taken = error instanceof ApiError && error.kind === "conflict";
  return (
    <form class="form-card" onSubmit={(event) => void submit(event)}>
      <h2>{t("people.add")}</h2>
      <label class="form-row">
        <span>{t("people.name")}</span>
        <input
          class="field"
          name="name"
          required
          maxLength={64}
          pattern="[A-Za-z0-9][A-Za-z0-9._@\-]*"
          title={t("people.nameHint")}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
      </label>
      <p class="muted">{t("people.nameHint")}</p>
      <label class="form-row">
        <span>{t("people.display")}</span>
        <input class="field" name="display_name" required maxLength={100} pattern=".*\S.*" autocomplete="off" />
      </label>
      <LanguageField value={lang.value} />
      <DepartmentField value={null} />
      <GrantsEditor value={grants} change={setGrants} places={places} />
      <label>
        <input type="checkbox" name="password" defaultChecked /> {t("people.firstPassword")}
      </label>
      <p class="muted">{t("people.oidcOnly")}</p>
      {error && (taken ? <p role="alert">{t("people.taken")}</p> : <Failed error={error} />)}
      <div class="form-buttons">
        <button type="submit" class="button primary" disabled={busy}>
          {t("people.create")}
        </button>
        <button type="button" class="button" onClick={() => go("accounts")}>
          {t("page.cancel")}
        </button>
      </div>
    </form>
  );
}
