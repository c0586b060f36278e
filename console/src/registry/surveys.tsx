/** Tab: surveys. What was imported, and what was found in each file, as counts, map and table. */
import { useState } from "preact/hooks";
import { address } from "../api/client";
import { grouped } from "../lib/number";
import { Failed, Nothing } from "../page/frame";
import { go } from "../page/route";
import { lang } from "../page/state";
import type { TabProps } from "../page/tabs";
import { useLoaded } from "../ui/use_loaded";
import { useMayImport } from "./file_drop";
import { t as it } from "./import_text";
import { SurveyImport } from "./surveys_import";
import { PointMap } from "./surveys_map";
import { t, word } from "./surveys_text";

interface Survey {
  survey_id: number;
  source: string;
  imported_at: string;
  actor: string;
  rows_read: number;
  rows_loaded: number;
  refused: number;
}

interface Report extends Survey {
  crs: string;
  created: number;
  changed: number;
  unchanged: number;
  missing: number;
  mendable: boolean;
  reasons: { reason: string; refused: boolean; findings: number; placed: number }[];
  departments_missing: Record<string, number>;
  notes: string[];
}

interface Finding {
  line: number;
  column: string;
  reason: string;
  detail: string;
  refused: boolean;
}

interface Page<Item> {
  items: Item[];
  next: string | null;
}

export default function SurveysTab({ rest }: TabProps) {
  const mayImport = useMayImport();
  if (/^\d+$/.test(rest)) return <One key={rest} id={rest} />;
  return (
    <>
      {mayImport && <SurveyImport />}
      <All />
    </>
  );
}

function when(at: string): string {
  return new Date(at).toLocaleString(lang.value === "zh" ? "zh-CN" : "en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
  });
}

function All() {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const { data, error, reload } = useLoaded<Page<Survey>>("/surveys", { cursor });
  if (error) return <Failed error={error} retry={reload} />;
  if (data?.items.length === 0) return <Nothing title={t("survey.none")} hint={t("survey.noneHint")} />;
  return (
    <>
      <div class="sheet-scroll" aria-busy={!data}>
        <table class="sheet cards">
          <thead>
            <tr>
              <th>{t("survey.file")}</th>
              <th>{t("survey.when")}</th>
              <th>{t("survey.rows")}</th>
              <th>{t("survey.loaded")}</th>
              <th>{t("survey.refused")}</th>
            </tr>
          </thead>
          <tbody>
            {data?.items.map((survey) => (
              <tr key={survey.survey_id}>
                <td>
                  <button type="button" class="link-row" onClick={() => go("surveys", String(survey.survey_id))}>
                    {survey.survey_id} · {survey.source}
                  </button>
                </td>
                <td data-label={t("survey.when")}>
                  {when(survey.imported_at)} · {survey.actor}
                </td>
                <td data-label={t("survey.rows")}>{grouped(survey.rows_read)}</td>
                <td data-label={t("survey.loaded")}>{grouped(survey.rows_loaded)}</td>
                <td data-label={t("survey.refused")}>{grouped(survey.refused)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data?.next && (
        <button type="button" class="button" onClick={() => setCursors([...cursors, data.next as string])}>
          {t("survey.more")}
        </button>
      )}
    </>
  );
}

function One({ id }: { id: string }) {
  const { data: report, error, reload } = useLoaded<Report>(`/surveys/${id}`);
  const [reason, setReason] = useState("");
  if (error) return <Failed error={error} retry={reload} />;
  if (!report) return <p class="muted" aria-busy="true" />;
  const { created, changed, unchanged, missing } = report;
  const counts = { created, changed, unchanged, missing };
  const shown = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, grouped(count)]));
  return (
    <>
      <button type="button" class="text-button" onClick={() => go("surveys")}>
        ‹ {t("survey.back")}
      </button>
      <h2>{report.source}</h2>
      <p class="muted">
        {when(report.imported_at)} · {report.actor} · {report.crs} · {t("survey.rows")} {grouped(report.rows_read)}
      </p>
      <p>{t("survey.counts", shown)}</p>
      {Object.entries(report.departments_missing).map(([duty, count]) =>
        count > 0 ? <p key={duty}>{t("survey.lacks", { count: grouped(count), duty: word("duty", duty) })}</p> : null,
      )}
      {report.notes.map((note) => (
        <p key={note} class="muted">
          {note}
        </p>
      ))}
      {report.mendable && (
        <p class="import-mend">
          <a class="button" href={address(`/surveys/${id}/refused.csv`)} download>
            {it("import.mendFile")}
          </a>
          <span class="muted">{it("import.mendHint")}</span>
        </p>
      )}
      {report.reasons.length === 0 ? (
        <Nothing title={t("survey.clean")} />
      ) : (
        <Found report={report} reason={reason} choose={setReason} />
      )}
    </>
  );
}

interface FoundProps {
  report: Report;
  reason: string;
  choose: (reason: string) => void;
}

function Found({ report, reason, choose }: FoundProps) {
  const path = `/surveys/${report.survey_id}/findings`;
  return (
    <>
      <h3>{t("survey.findings")}</h3>
      <p>
        <select
          class="field"
          aria-label={t("survey.reason")}
          value={reason}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          <option value="">{t("survey.any")}</option>
          {report.reasons.map((row) => (
            <option key={`${row.reason}${row.refused}`} value={row.reason}>
              {word("reason", row.reason)} ({grouped(row.findings)})
            </option>
          ))}
        </select>{" "}
        <a class="button" href={address(`${path}.csv`, { reason })} download>
          {t("survey.csv")}
        </a>{" "}
        <a class="button" href={address(`${path}.geojson`, { reason })} download>
          {t("survey.geojson")}
        </a>
      </p>
      <PointMap path={`${path}.geojson`} reason={reason} />
      <Rows key={reason} path={path} reason={reason} />
    </>
  );
}

function Rows({ path, reason }: { path: string; reason: string }) {
  const [cursor, setCursor] = useState<string | undefined>();
  const { data, error, reload } = useLoaded<Page<Finding>>(path, { reason, cursor });
  if (error) return <Failed error={error} retry={reload} />;
  return (
    <>
      <div class="sheet-scroll" aria-busy={!data}>
        <table class="sheet cards">
          <thead>
            <tr>
              <th>{t("survey.line")}</th>
              <th>{t("survey.column")}</th>
              <th>{t("survey.reason")}</th>
              <th>{t("survey.detail")}</th>
            </tr>
          </thead>
          <tbody>
            {data?.items.map((row) => (
              <tr key={`${row.line}${row.reason}${row.column}`}>
                <td data-label={t("survey.line")}>{row.line}</td>
                <td data-label={t("survey.column")}>{row.column}</td>
                <td data-label={t("survey.reason")}>
                  {word("reason", row.reason)} {!row.refused && <span class="tag">{t("survey.odd")}</span>}
                </td>
                <td data-label={t("survey.detail")}>{row.detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data?.next && (
        <button type="button" class="button" onClick={() => setCursor(data.next ?? undefined)}>
          {t("survey.more")}
        </button>
      )}
    </>
  );
}
