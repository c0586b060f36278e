/** Sending a survey: what a check found, and the rows to mend. */
import { grouped } from "../lib/number";
import { go } from "../page/route";
import { ReadingFields, save } from "./file_drop";
import { ImportForm } from "./import_form";
import { t } from "./import_text";
import { type Spot, Spots } from "./surveys_map";
import { t as st, word } from "./surveys_text";

const ACCEPT = ".csv,.xlsx,.xlsm,.gpkg,.geojson,.json,.geojsonl,.geojsons,.ndjson,.zip";
const EXAMPLE = '{"columns": {"code": "BJBM"}}';
const MOST_SHOWN = 100;

interface Finding {
  line: number;
  column: string;
  reason: string;
  detail: string;
  refused: boolean;
  lon: number | null;
  lat: number | null;
}

interface Outcome {
  survey_id: number | null;
  rows_read: number;
  rows_loaded: number;
  created: number;
  changed: number;
  unchanged: number;
  missing: number;
  refused: number;
  departments_missing: Record<string, number>;
  notes: string[];
  reasons: { reason: string; refused: boolean; findings: number }[];
  findings: Finding[];
  findings_found: number;
  refused_rows: string;
  refused_rows_cut: boolean;
}

export function SurveyImport() {
  return (
    <ImportForm<Outcome>
      title={t("import.survey")}
      hint={t("import.surveyHint")}
      path="/surveys"
      accept={ACCEPT}
      options={<Options />}
      show={(outcome, file) => <Checked outcome={outcome} name={file.name} />}
      imported={(outcome) => go("surveys", String(outcome.survey_id))}
    />
  );
}

function Options() {
  return (
    <>
      <ReadingFields example={EXAMPLE} />
      <label class="form-row">
        <span>{t("import.edition")}</span>
        <input class="field" name="edition" list="editions" placeholder={t("import.editionHint")} />
      </label>
      <datalist id="editions">
        <option value="2007" />
        <option value="2013" />
      </datalist>
      <label class="form-row">
        <span>{t("import.asClass")}</span>
        <input class="field" name="as_class" pattern="[0-9]{4}=[0-9]{4}" placeholder="0117=0130" />
      </label>
      <label class="form-row">
        <span>{t("import.near")}</span>
        <input class="field" name="near" type="number" min="0" max="100" step="any" placeholder="0.5" />
      </label>
      <label class="form-row">
        <span>{t("import.overlap")}</span>
        <input class="field" name="overlap" type="number" min="0" max="1" step="any" placeholder="0.05" />
      </label>
      <fieldset class="form-row">
        <legend class="muted">{t("import.require")}</legend>
        {["owner", "maintainer"].map((duty) => (
          <label key={duty} class="import-check">
            <input type="checkbox" name="require" value={duty} /> {word("duty", duty)}
          </label>
        ))}
      </fieldset>
    </>
  );
}

function Checked({ outcome, name }: { outcome: Outcome; name: string }) {
  const { created, changed, unchanged, missing } = outcome;
  const counts = { created, changed, unchanged, missing };
  const shown = Object.fromEntries(Object.entries(counts).map(([key, count]) => [key, grouped(count)]));
  const rows = {
    rows: grouped(outcome.rows_read),
    loaded: grouped(outcome.rows_loaded),
    refused: grouped(outcome.refused),
  };
  return (
    <>
      <p role="status">
        <strong>{t("import.checked")}</strong> {t("import.wouldLoad", rows)}
      </p>
      <p>{st("survey.counts", shown)}</p>
      {Object.entries(outcome.departments_missing).map(([duty, count]) =>
        count > 0 ? <p key={duty}>{st("survey.lacks", { count: grouped(count), duty: word("duty", duty) })}</p> : null,
      )}
      {outcome.notes.map((note) => (
        <p key={note} class="muted">
          {note}
        </p>
      ))}
      {outcome.reasons.length === 0 ? <p>{t("import.clean")}</p> : <Reasons outcome={outcome} />}
      {outcome.refused_rows && (
        <p class="import-mend">
          <button type="button" class="button" onClick={() => save(outcome.refused_rows, mendName(name))}>
            {t("import.mendFile")}
          </button>
          <span class="muted">{t(outcome.refused_rows_cut ? "import.mendCut" : "import.mendHint")}</span>
        </p>
      )}
      {outcome.findings.length > 0 && <Findings outcome={outcome} />}
    </>
  );
}

function mendName(name: string): string {
  return `${name.replace(/\.[^.]*$/, "")}-refused.csv`;
}

function Reasons({ outcome }: { outcome: Outcome }) {
  return (
    <div class="sheet-scroll">
      <table class="sheet cards">
        <thead>
          <tr>
            <th>{st("survey.reason")}</th>
            <th>{t("import.count")}</th>
            <th>{t("import.outcome")}</th>
          </tr>
        </thead>
        <tbody>
          {outcome.reasons.map((row) => (
            <tr key={`${row.reason}${row.refused}`}>
              <td data-label={st("survey.reason")}>{word("reason", row.reason)}</td>
              <td data-label={t("import.count")}>{grouped(row.findings)}</td>
              <td data-label={t("import.outcome")}>{t(row.refused ? "import.refused" : "import.loaded")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Findings({ outcome }: { outcome: Outcome }) {
  const rows = outcome.findings.slice(0, MOST_SHOWN);
  const spots: Spot[] = outcome.findings.flatMap(({ lon, lat, ...properties }) =>
    lon === null || lat === null ? [] : [{ geometry: { coordinates: [lon, lat] }, properties }],
  );
  return (
    <>
      <Spots spots={spots} />
      <div class="sheet-scroll">
        <table class="sheet cards">
          <thead>
            <tr>
              <th>{st("survey.line")}</th>
              <th>{st("survey.column")}</th>
              <th>{st("survey.reason")}</th>
              <th>{st("survey.detail")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.line}${row.reason}${row.column}`}>
                <td data-label={st("survey.line")}>{row.line}</td>
                <td data-label={st("survey.column")}>{row.column}</td>
                <td data-label={st("survey.reason")}>{word("reason", row.reason)}</td>
                <td data-label={st("survey.detail")}>{row.detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {outcome.findings_found > rows.length && (
        <p class="muted">{t("import.more", { shown: grouped(rows.length), count: grouped(outcome.findings_found) })}</p>
      )}
    </>
  );
}
