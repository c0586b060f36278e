/** Putting a version of grids in force: first what would move, then doing it. */
import { useState } from "preact/hooks";
import { post } from "../api/client";
import { grouped } from "../lib/number";
import { ImportFailed, PATIENCE_MS } from "./file_drop";
import { word } from "./grids_text";
import { t } from "./import_text";

export const COUNTED = [
  "unit_grids_new",
  "unit_grids_gone",
  "unit_grids_kept",
  "components",
  "devices",
  "incidents",
] as const;

interface Regridding {
  moved: Record<string, number>;
}

export function countsOf(moved: Record<string, number>): string {
  return COUNTED.filter((name) => moved[name])
    .map((name) => `${word("moved", name)} ${grouped(moved[name] ?? 0)}`)
    .join(" · ");
}

export function Activate({ version, done }: { version: number; done: () => void }) {
  const [tried, setTried] = useState<Regridding | null>(null);
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const run = (dryRun: boolean) => {
    setWorking(true);
    setError(null);
    post<Regridding>(`/grids/imports/${version}/activate`, { dry_run: dryRun }, {}, PATIENCE_MS)
      .then(dryRun ? setTried : done, setError)
      .finally(() => setWorking(false));
  };
  return (
    <section class="form-card">
      <h3>{t("activate.title")}</h3>
      <p class="muted">{t("activate.hint")}</p>
      <div role="status">
        {working && <p>{t("activate.working")}</p>}
        {tried && <p>{countsOf(tried.moved) || t("activate.none")}</p>}
      </div>
      {error && <ImportFailed error={error} advise={() => {}} />}
      <div class="form-buttons">
        <button type="button" class={tried ? "button" : "button primary"} disabled={working} onClick={() => run(true)}>
          {t("activate.try")}
        </button>
        <button type="button" class={tried ? "button primary" : "button"} disabled={working} onClick={() => run(false)}>
          {t("activate.do")}
        </button>
      </div>
    </section>
  );
}
