/** Tab: accounts. The list with a search, one account, or a new one: `/people/accounts[/<name> or /new account]`. */
import { useEffect, useState } from "preact/hooks";
import { Failed, Nothing } from "../page/frame";
import { useList } from "../page/more";
import { type Places, usePlaces } from "../page/places";
import { go } from "../page/route";
import type { TabProps } from "../page/tabs";
import { OneAccount } from "./account";
import { NewAccount } from "./account_form";
import { GrantList } from "./grants";
import type { Account } from "./types";
import { t, when } from "./words";

/** No account can be called so: names hold no blanks. */
const NEW = "new account";
const PAUSE_MS = 200;

export default function AccountsTab({ rest }: TabProps) {
  const places = usePlaces();
  if (rest === NEW) return <NewAccount places={places} />;
  return rest ? <OneAccount key={rest} name={rest} places={places} /> : <All places={places} />;
}

function All({ places }: { places: Places }) {
  const [text, setText] = useState("");
  const [asked, setAsked] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const { items, error, more, reload } = useList<Account>("/accounts", { q: asked });
  return (
    <>
      <search class="form-buttons">
        <input
          class="field"
          type="search"
          aria-label={t("people.search")}
          placeholder={t("people.search")}
          maxLength={100}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="button" class="button primary" onClick={() => go("accounts", NEW)}>
          {t("people.add")}
        </button>
      </search>
      {error && <Failed error={error} retry={reload} />}
      {items?.length === 0 && <Nothing title={t("people.none")} hint={t("people.noneHint")} />}
      {items && items.length > 0 && <Rows items={items} places={places} />}
      {more && (
        <button type="button" class="button" onClick={more}>
          {t("page.more")}
        </button>
      )}
    </>
  );
}

function Rows({ items, places }: { items: Account[]; places: Places }) {
  return (
    <div class="sheet-scroll">
      <table class="sheet stacked">
        <thead>
          <tr>
            <th>{t("people.name")}</th>
            <th>{t("people.roles")}</th>
            <th>{t("people.seen")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((account) => (
            <tr key={account.name}>
              <td>
                <button type="button" class="link-row" onClick={() => go("accounts", account.name)}>
                  {account.display_name}
                </button>
                <div class="muted">{account.name}</div>
                {account.disabled_at && <span class="tag">{t("people.disabled")}</span>}
              </td>
              <td>
                <GrantList value={account.grants} places={places} />
              </td>
              <td class="moment">{account.used_at ? when(account.used_at) : t("people.never")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
