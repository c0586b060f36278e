/** Naming a unit in many components: first what it would do, then doing it. */
import { useState } from "preact/hooks";
import { post } from "../api/client";
import { grouped, percent } from "../lib/number";
import { Failed } from "../page/frame";
import { named } from "../page/state";
import { useLoaded } from "../ui/use_loaded";
import { t, word } from "./ownership_text";
import type { Answerer, Assignment, Share, Unit } from "./ownership_types";

const DUTIES = ["maintainer", "owner", "competent"] as const;

interface FormProps {
  classes: string;
  areas: string;
  done: () => void;
  cancel: () => void;
}

/** Codes as people write them: with spaces, commas or a line each. */
export function codesOf(text: string): string[] {
  return text.split(/[\s,，、;；]+/).filter(Boolean);
}

export function AssignForm({ classes, areas, done, cancel }: FormProps) {
  const units = useLoaded<{ items: Unit[] }>("/departments");
  const [tried, setTried] = useState<{ body: unknown; found: Assignment } | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const send = (body: unknown, dryRun: boolean) => {
    setBusy(true);
    setError(null);
    return post<Assignment>(`/ownership/assignments?dry_run=${dryRun}`, body)
      .then((found) => (dryRun ? setTried({ body, found }) : done()), setError)
      .finally(() => setBusy(false));
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(given.get(name) ?? "");
    const streets = text("streets").split("\n");
    send(
      {
        department_id: Number(text("unit")),
        duty: text("duty"),
        classes: codesOf(text("classes")),
        areas: codesOf(text("areas")),
        streets: streets.map((name) => name.trim()).filter(Boolean),
        overwrite: given.has("overwrite"),
        reason: text("reason"),
      },
      true,
    );
  };
  return (
    <form class="column" onSubmit={submit} onInput={() => setTried(null)}>
      <h2>{t("own.assign")}</h2>
      <label>
        {t("own.unit")}{" "}
        <select class="field" name="unit" required>
          {units.data?.items.map((unit) => (
            <option key={unit.department_id} value={unit.department_id}>
              {named(unit.name_zh, unit.name_en)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("own.duty")}{" "}
        <select class="field" name="duty">
          {DUTIES.map((duty) => (
            <option key={duty} value={duty}>
              {word("duty", duty)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("own.classes")} <input class="field" name="classes" defaultValue={classes} />
      </label>
      <label>
        {t("own.areas")} <input class="field" name="areas" defaultValue={areas} />
      </label>
      <label>
        {t("own.roads")} <textarea class="field" name="streets" rows={2} />
      </label>
      <label>
        <input type="checkbox" name="overwrite" /> {t("own.overwrite")}
      </label>
      <label>
        {t("own.reason")} <input class="field" name="reason" required maxLength={2000} />
      </label>
      {error && <Failed error={error} />}
      {tried && <Preview found={tried.found} />}
      <p>
        {tried ? (
          <button type="button" class="button primary" disabled={busy} onClick={() => send(tried.body, false)}>
            {t("own.do", { count: grouped(tried.found.filled + tried.found.replaced) })}
          </button>
        ) : (
          <button type="submit" class="button primary" disabled={busy || !units.data}>
            {t("own.try")}
          </button>
        )}{" "}
        <button type="button" class="text-button" onClick={cancel}>
          {t("own.cancel")}
        </button>
      </p>
    </form>
  );
}

const part = (share: Share) => percent(share.components ? share.by_itself / share.components : 0);
const whom = (to: Answerer) => named(to.name_zh, to.name_en) || t("own.dispatcher");

function Preview({ found }: { found: Assignment }) {
  const { matched, filled, replaced, unchanged, conflicts } = found;
  const counts = { matched, filled, replaced, unchanged, conflicts };
  const shown = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, grouped(count)]));
  return (
    <div role="status">
      <p>{t("own.result", shown)}</p>
      {found.others.length > 0 && (
        <>
          <p class="muted">{t("own.others")}</p>
          <ul>
            {found.others.map((unit) => (
              <li key={unit.department_id}>
                {named(unit.name_zh, unit.name_en)}: {grouped(unit.components)} ({unit.example})
              </li>
            ))}
          </ul>
        </>
      )}
      <p>{t("own.before", { before: part(found.share_before), after: part(found.share_after) })}</p>
      <p>{t("own.moved", { count: found.moved.length, all: found.incidents })}</p>
      <ul>
        {found.moved.slice(0, 20).map((one) => (
          <li key={one.incident_id}>
            {one.case_no} {named(one.title_zh, one.title_en)}: {whom(one.before)} → {whom(one.after)}
          </li>
        ))}
      </ul>
    </div>
  );
}
