/** Tab: the audit log, looked through by who, about what, which kind and when: `/people/audit[/<account>]`. */
import { useState } from "preact/hooks";
import { address } from "../api/client";
import { Failed, Nothing } from "../page/frame";
import { useList } from "../page/more";
import { placeName } from "../page/place_picker";
import { usePlaces } from "../page/places";
import type { TabProps } from "../page/tabs";
import { detailLines, type Says } from "./detail";
import type { AuditEntry } from "./types";
import { grantText, t, when, word } from "./words";

const KINDS = [
  "account",
  "key",
  "sign_in",
  "silence",
  "rules",
  "incident",
  "ownership",
  "department",
  "grids",
  "codes",
] as const;

interface Asked {
  actor?: string | undefined;
  subject?: string | undefined;
  action?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

/** A moment as a field gives it is the reader's own time. */
function instant(text: string): string | undefined {
  return text ? new Date(text).toISOString() : undefined;
}

export default function AuditTab({ rest }: TabProps) {
  const [asked, setAsked] = useState<Asked>({ subject: rest || undefined });
  const { items, error, more, reload } = useList<AuditEntry>("/audit", { ...asked });
  return (
    <>
      <Filters about={rest} ask={setAsked} asked={asked} />
      {error && <Failed error={error} retry={reload} />}
      {items?.length === 0 && <Nothing title={t("audit.none")} hint={t("audit.noneHint")} />}
      {items && items.length > 0 && <Entries items={items} />}
      {more && (
        <button type="button" class="button" onClick={more}>
          {t("page.more")}
        </button>
      )}
    </>
  );
}

interface FiltersProps {
  about: string;
  asked: Asked;
  ask: (asked: Asked) => void;
}

function Filters({ about, asked, ask }: FiltersProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(given.get(name) ?? "").trim();
    ask({
      actor: text("actor") || undefined,
      subject: text("subject") || undefined,
      action: text("action") || undefined,
      since: instant(text("since")),
      until: instant(text("until")),
    });
  };
  return (
    <form class="form-card filters" onSubmit={submit}>
      <label>
        {t("audit.who")}
        <input class="field" name="actor" maxLength={200} autocapitalize="none" />
      </label>
      <label>
        {t("audit.subject")}
        <input
          class="field"
          name="subject"
          maxLength={200}
          autocapitalize="none"
          placeholder={t("audit.subjectHint")}
          defaultValue={about}
        />
      </label>
      <label>
        {t("audit.kind")}
        <select class="field" name="action">
          <option value="">{t("audit.any")}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {word("kind", kind)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("audit.since")}
        <input class="field" type="datetime-local" name="since" />
      </label>
      <label>
        {t("audit.until")}
        <input class="field" type="datetime-local" name="until" />
      </label>
      <div class="form-buttons">
        <button type="submit" class="button primary">
          {t("audit.show")}
        </button>
        <a class="button" href={address("/audit.csv", { ...asked })} download="audit.csv">
          {t("audit.export")}
        </a>
      </div>
    </form>
  );
}

const GRANTS = new Set(["grants", "granted", "taken"]);
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

function Entries({ items }: { items: AuditEntry[] }) {
  const places = usePlaces();
  const says: Says = {
    name: (field) => word("field", field),
    value: (field, text) => {
      if (GRANTS.has(field)) return grantText(text, places);
      if (field === "areas") return placeName(places, text);
      return MOMENT.test(text) ? when(text) : text;
    },
  };
  return (
    <div class="sheet-scroll">
      <table class="sheet stacked" data-testid="audit">
        <thead>
          <tr>
            <th>{t("audit.at")}</th>
            <th>{t("audit.who")}</th>
            <th>{t("audit.what")}</th>
            <th>{t("audit.subject")}</th>
            <th>{t("audit.detail")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((entry) => (
            <tr key={entry.audit_id}>
              <td class="moment" title={entry.at}>
                {when(entry.at)}
              </td>
              <td>{entry.actor}</td>
              <td>{word("action", entry.action)}</td>
              <td>{entry.subject}</td>
              <td>
                {detailLines(entry.detail, says).map((line) => (
                  <div key={line}>{line}</div>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
