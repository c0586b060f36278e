/** Sending a partition of the city: what a check found and where, and keeping it as a draft. */
import { useState } from "preact/hooks";
import { grouped } from "../lib/number";
import { go } from "../page/route";
import { ReadingFields } from "./file_drop";
import { type Feature, FindingMap } from "./grid_map";
import { t as gt, word } from "./grids_text";
import { ImportForm } from "./import_form";
import { t } from "./import_text";

const ACCEPT = ".gpkg,.geojson,.json,.geojsonl,.geojsons,.ndjson,.zip";
const EXAMPLE = '{"columns": {"code": "WGBM"}}';
const LEVELS = ["unit", "patrol", "community", "street", "district"];
const MOST_SHOWN = 100;

interface Outcome {
  version_id: number | null;
  state: string;
  features: number;
  grids: number;
  blocking: number;
  counts: Record<string, number>;
  notes: string[];
  findings: { features: Feature[] };
  findings_found: number;
}

export function GridImport() {
  return (
    <ImportForm<Outcome>
      title={t("import.grids")}
      hint={t("import.gridsHint")}
      path="/grids/imports"
      accept={ACCEPT}
      first={<LevelField />}
      options={<Options />}
      show={(outcome) => <Checked outcome={outcome} />}
      imported={(outcome) => go("grids", String(outcome.version_id))}
    />
  );
}

function LevelField() {
  return (
    <label class="form-row">
      <span>{t("import.level")}</span>
      <select class="field" name="level">
        {LEVELS.map((level) => (
          <option key={level} value={level}>
            {word("level", level)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Options() {
  return (
    <>
      <ReadingFields example={EXAMPLE} />
      <label class="import-check">
        <input type="checkbox" name="mend" value="true" /> {t("import.mend")}
      </label>
      <label class="form-row">
        <span>{t("import.accept")}</span>
        <input class="field" name="accept" maxLength={500} placeholder={t("import.acceptHint")} />
      </label>
    </>
  );
}

function Checked({ outcome }: { outcome: Outcome }) {
  const [chosen, choose] = useState<string | null>(null);
  const { features } = outcome.findings;
  const counts = {
    features: grouped(outcome.features),
    grids: grouped(outcome.grids),
    found: grouped(outcome.findings_found),
    blocking: grouped(outcome.blocking),
  };
  return (
    <>
      <p role="status">
        <strong>{t("import.checked")}</strong> {t("import.gridsChecked", counts)}
      </p>
      <p>{t("import.would", { state: word("state", outcome.state) })}</p>
      {outcome.notes.map((note) => (
        <p key={note} class="muted">
          {note}
        </p>
      ))}
      {outcome.findings_found === 0 && <p>{t("import.clean")}</p>}
      {features.length > 0 && (
        <>
          <FindingMap features={features} chosen={chosen} choose={choose} />
          <FindingTable features={features.slice(0, MOST_SHOWN)} chosen={chosen} choose={choose} />
        </>
      )}
      {outcome.findings_found > MOST_SHOWN && (
        <p class="muted">{t("import.more", { shown: MOST_SHOWN, count: grouped(outcome.findings_found) })}</p>
      )}
    </>
  );
}

interface TableProps {
  features: Feature[];
  chosen: string | null;
  choose: (id: string) => void;
}

/** Findings by name; a click shows where. */
export function FindingTable({ features, chosen, choose }: TableProps) {
  return (
    <div class="sheet-scroll">
      <table class="sheet cards">
        <tbody>
          {features.map(({ id, properties }) => (
            <tr key={id} aria-current={id === chosen}>
              <td>
                <button type="button" class="link-row" onClick={() => choose(id)}>
                  {word("flaw", properties.flaw)}
                </button>
              </td>
              <td>{properties.blocks ? gt("grids.blocks") : ""}</td>
              <td>{grouped(Math.round(properties.area_m2))} m²</td>
              <td>{properties.detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
