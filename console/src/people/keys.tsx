/** Tab: the API keys of everybody, to see and to revoke: `/people/keys[/<account>]`. */
import { del } from "../api/client";
import { Ask } from "../page/ask";
import { Failed, Nothing } from "../page/frame";
import { useList } from "../page/more";
import { usePlaces } from "../page/places";
import { go } from "../page/route";
import type { TabProps } from "../page/tabs";
import { KeyCard } from "./key_card";
import type { AccountKey } from "./types";
import { t } from "./words";

export default function KeysTab({ rest }: TabProps) {
  const places = usePlaces();
  const { items, error, more, reload } = useList<AccountKey>("/account-keys", { account: rest });
  const revoke = (key: AccountKey) =>
    del(`/accounts/${encodeURIComponent(key.account)}/api-keys/${encodeURIComponent(key.name)}`).then(reload);
  const find = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    go("keys", String(given.get("account") ?? "").trim());
  };
  return (
    <>
      <form class="form-buttons" onSubmit={find}>
        <input
          class="field"
          type="search"
          name="account"
          key={rest}
          defaultValue={rest}
          aria-label={t("keys.of")}
          placeholder={t("keys.ofHint")}
          pattern="[A-Za-z0-9][A-Za-z0-9._@\-]*"
          title={t("people.nameHint")}
          autocapitalize="none"
        />
        <button type="submit" class="button">
          {t("audit.show")}
        </button>
      </form>
      {error && <Failed error={error} retry={reload} />}
      {items?.length === 0 && <Nothing title={t("keys.none")} hint={t("keys.noneHint")} />}
      {items?.map((key) => (
        <KeyCard key={key.key_id} of={key} owner={key.account} places={places}>
          <Ask
            label={t("keys.revoke")}
            question={t("keys.revokeAsk", { name: `${key.account}/${key.name}` })}
            run={() => revoke(key)}
          />
        </KeyCard>
      ))}
      {more && (
        <button type="button" class="button" onClick={more}>
          {t("page.more")}
        </button>
      )}
    </>
  );
}
