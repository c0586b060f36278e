/** Fields for a new password of one's own, in the account menu and on the account's page. Its button is the caller's. */
import { useState } from "preact/hooks";
import { changePassword } from "../api/account";
import type { account } from "../i18n/zh/account";

interface PasswordFormProps {
  /** of the form, for its button */
  id: string;
  /** of the account, so that a password manager knows whose it is */
  name: string;
  t: (key: keyof typeof account) => string;
  done: () => void;
}

export function PasswordForm({ id, name, t, done }: PasswordFormProps) {
  const [said, setSaid] = useState("");
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const [old, fresh, again] = ["old", "new", "again"].map((field) => String(given.get(field)));
    if (fresh !== again) return setSaid(t("account.notSame"));
    try {
      await changePassword(old ?? "", fresh ?? "");
      done();
    } catch (error) {
      setSaid((error as Error).message);
    }
  };
  return (
    <form class="action-form" id={id} onSubmit={send}>
      <input type="text" name="name" autocomplete="username" value={name} hidden readOnly />
      <Secret name="old" label={t("account.old")} autocomplete="current-password" />
      <Secret name="new" label={t("account.new")} autocomplete="new-password" />
      <Secret name="again" label={t("account.again")} autocomplete="new-password" />
      <p class="muted">{t("account.rule")}</p>
      <p class="account-problem" role="alert">
        {said}
      </p>
    </form>
  );
}

interface SecretProps {
  name: string;
  label: string;
  autocomplete: "current-password" | "new-password";
}

function Secret({ name, label, autocomplete }: SecretProps) {
  return (
    <label>
      <span>{label}</span>
      <input class="field" type="password" name={name} autocomplete={autocomplete} maxLength={256} required />
    </label>
  );
}
