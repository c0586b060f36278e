/** One's own API keys: make one with a name, an end and what it may; shown once; revoke it. */
import { useState } from "preact/hooks";
import type { Me } from "../api/account";
import { ApiError, del, post } from "../api/client";
import { Ask } from "../page/ask";
import { Failed, Nothing } from "../page/frame";
import { type Places, usePlaces } from "../page/places";
import { ShownOnce } from "../page/shown_once";
import { useLoaded } from "../ui/use_loaded";
import { KeyCard } from "./key_card";
import type { Key } from "./types";
import { grantText, t } from "./words";

const DAYS = [30, 90, 365];
const DAY_MS = 86_400_000;

export function MyKeys({ who }: { who: Me }) {
  const places = usePlaces();
  const { data, error, reload } = useLoaded<{ items: Key[] }>("/api-keys");
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<{ name: string; key: string } | null>(null);
  return (
    <section class="keys">
      <h2>{t("me.keys")}</h2>
      {error && <Failed error={error} retry={reload} />}
      {made && (
        <>
          <ShownOnce title={t("keys.shown", { name: made.name })} secret={made.key} done={() => setMade(null)} />
          <p class="muted">{t("keys.how")}</p>
        </>
      )}
      {making ? (
        <KeyForm
          who={who}
          places={places}
          cancel={() => setMaking(false)}
          done={(key) => {
            setMaking(false);
            setMade(key);
            reload();
          }}
        />
      ) : (
        !made && (
          <p>
            <button type="button" class="button primary" onClick={() => setMaking(true)}>
              {t("keys.make")}
            </button>
          </p>
        )
      )}
      {data?.items.length === 0 && !making && <Nothing title={t("me.noKeys")} hint={t("me.noKeysHint")} />}
      {data?.items.map((key) => (
        <KeyCard key={key.key_id} of={key} places={places}>
          <Ask
            label={t("keys.revoke")}
            question={t("keys.revokeAsk", { name: key.name })}
            run={() => del(`/api-keys/${key.key_id}`).then(reload)}
          />
        </KeyCard>
      ))}
    </section>
  );
}

interface KeyFormProps {
  who: Me;
  places: Places;
  done: (made: { name: string; key: string }) => void;
  cancel: () => void;
}

function KeyForm({ who, places, done, cancel }: KeyFormProps) {
  const [some, setSome] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const days = Number(given.get("days"));
    setError(null);
    try {
      done(
        await post<{ name: string; key: string }>("/api-keys", {
          name: String(given.get("name")).trim(),
          expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
          grants: some ? given.getAll("grant") : null,
        }),
      );
    } catch (reason) {
      setError(reason as Error);
    }
  };
  const exists = error instanceof ApiError && error.kind === "conflict";
  return (
    <form class="form-card" onSubmit={(event) => void submit(event)}>
      <label class="form-row">
        <span>{t("keys.name")}</span>
        <input
          class="field"
          name="name"
          required
          maxLength={64}
          pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
          title={t("keys.nameHint")}
          autocomplete="off"
          autocapitalize="none"
        />
      </label>
      <p class="muted">{t("keys.nameHint")}</p>
      <label class="form-row">
        <span>{t("keys.ends")}</span>
        <select class="field" name="days">
          {DAYS.map((days) => (
            <option key={days} value={days} selected={days === 90}>
              {t("keys.days", { days })}
            </option>
          ))}
          <option value="0">{t("keys.noEnd")}</option>
        </select>
      </label>
      <label class="form-row">
        <span>{t("keys.may")}</span>
        <select class="field" value={some ? "some" : "all"} onChange={() => setSome(!some)}>
          <option value="all">{t("keys.allMine")}</option>
          <option value="some">{t("keys.some")}</option>
        </select>
      </label>
      {some &&
        who.grants.map((held) => (
          <label key={held.grant}>
            <input type="checkbox" name="grant" value={held.grant} defaultChecked /> {grantText(held.grant, places)}
          </label>
        ))}
      {error && (exists ? <p role="alert">{t("keys.exists")}</p> : <Failed error={error} />)}
      <div class="form-buttons">
        <button type="submit" class="button primary">
          {t("keys.make")}
        </button>
        <button type="button" class="button" onClick={cancel}>
          {t("page.cancel")}
        </button>
      </div>
    </form>
  );
}
