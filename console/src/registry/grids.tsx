/** Tab: the city's grids. What was imported and when it was in force, what was found in it and where, what moved. */
import { useState } from "preact/hooks";
import { grouped } from "../lib/number";
import { absolute } from "../lib/time";
import { Failed, Nothing } from "../page/frame";
import { go } from "../page/route";
import type { TabProps } from "../page/tabs";
import { useLoaded } from "../ui/use_loaded";
import { useMayImport } from "./file_drop";
import { type Feature, FindingMap } from "./grid_map";
import { Activate, countsOf } from "./grids_activate";
import { FindingTable, GridImport } from "./grids_import";
import { type Key, t, word } from "./grids_text";

const ZONE = "Asia/Shanghai";
const MOST = 200;

interface Period {
  period_id: number;
  since: string | null;
  until: string | null;
  actor: string;
  moved: Record<string, number>;
}

interface Version {
  version_id: number;
  level: string;
  state: string;
  source: string;
  imported_at: string;
  actor: string;
  accepted: string;
  grids: number;
  findings: Record<string, number> | null;
  blocking: number;
  periods: Period[];
}

interface Move {
  kind: string;
  name: string | null;
  from_unit_grid: string | null;
  to_unit_grid: string | null;
  from_patrol_grid: string | null;
  to_patrol_grid: string | null;
}

/** `/registry/grids` lists versions, `/registry/grids/<version>` one's findings, `/registry/grids/moves/<period>` moves. */
export default function GridsTab({ rest }: TabProps) {
  const mayImport = useMayImport();
  const [what, period] = rest.split("/");
  if (what === "moves" && period) return <Moves period={period} />;
  if (what) return <One key={what} version={what} mayActivate={mayImport} />;
  return (
    <>
      {mayImport && <GridImport />}
      <Versions />
    </>
  );
}

function Versions() {
  const { data, error, reload } = useLoaded<{ items: Version[] }>("/grids/versions", { limit: MOST });
  if (error) return <Failed error={error} retry={reload} />;
  if (data && data.items.length === 0) return <Nothing title={t("grids.none")} hint={t("grids.noneHint")} />;
  return (
    <div class="sheet-scroll" aria-busy={!data}>
      <table class="sheet cards">
        <thead>
          <tr>
            <Head of={["version", "level", "state", "grids", "findings", "source", "imported", "inForce"]} />
          </tr>
        </thead>
        <tbody>
          {data?.items.map((version) => (
            <tr key={version.version_id}>
              <td data-label={t("grids.version")}>
                <button type="button" class="link-row" onClick={() => go("grids", String(version.version_id))}>
                  {version.version_id}
                </button>
              </td>
              <td data-label={t("grids.level")}>{word("level", version.level)}</td>
              <td data-label={t("grids.state")}>{word("state", version.state)}</td>
              <td data-label={t("grids.grids")}>{grouped(version.grids)}</td>
              <td data-label={t("grids.findings")}>
                {t("grids.found", { all: total(version.findings), blocking: version.blocking })}
              </td>
              <td data-label={t("grids.source")}>
                <span>
                  {version.source}
                  {version.accepted && <span class="muted"> {t("grids.accepted", { reason: version.accepted })}</span>}
                </span>
              </td>
              <td data-label={t("grids.imported")}>
                {absolute(version.imported_at, ZONE)} {version.actor}
              </td>
              <td data-label={version.periods.length > 0 ? t("grids.inForce") : undefined}>
                {version.periods.length > 0 && (
                  <div>
                    {version.periods.map((period) => (
                      <Stretch key={period.period_id} period={period} />
                    ))}
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head({ of }: { of: string[] }) {
  return (
    <>
      {of.map((name) => (
        <th key={name} scope="col">
          {t(`grids.${name}` as Key)}
        </th>
      ))}
    </>
  );
}

function Stretch({ period }: { period: Period }) {
  const since = period.since ? absolute(period.since, ZONE) : t("grids.always");
  const until = period.until ? absolute(period.until, ZONE) : t("grids.now");
  return (
    <p>
      {since} – {until}{" "}
      {Object.keys(period.moved).length > 0 && (
        <button type="button" class="link-row" onClick={() => go("grids", `moves/${period.period_id}`)}>
          {t("grids.moved", { counts: countsOf(period.moved) })}
        </button>
      )}
    </p>
  );
}

interface OneProps {
  version: string;
  mayActivate: boolean;
}

function One({ version, mayActivate }: OneProps) {
  const [round, setRound] = useState(0);
  const known = useLoaded<{ items: Version[] }>("/grids/versions", { limit: MOST }, round);
  const { data, error, reload } = useLoaded<{ features: Feature[] }>(`/grids/imports/${version}/findings.geojson`);
  const [chosen, choose] = useState<string | null>(null);
  if (error) return <Failed error={error} retry={reload} />;
  const features = data?.features ?? [];
  const one = known.data?.items.find((it) => String(it.version_id) === version);
  return (
    <>
      <Back />
      <h2>{t("grids.findingsOf", { version })}</h2>
      {one && (
        <p>
          {word("level", one.level)} · <strong>{word("state", one.state)}</strong> · {t("grids.grids")}{" "}
          {grouped(one.grids)} · {one.source}
        </p>
      )}
      {mayActivate && one && (one.state === "draft" || one.state === "past") && (
        <Activate version={one.version_id} done={() => setRound(round + 1)} />
      )}
      {data && features.length === 0 && <Nothing title={t("grids.clean")} />}
      {features.length > 0 && (
        <>
          <FindingMap features={features} chosen={chosen} choose={choose} />
          <FindingTable features={features.slice(0, MOST)} chosen={chosen} choose={choose} />
        </>
      )}
      {features.length > MOST && <p class="muted">{t("grids.more", { count: features.length - MOST })}</p>}
    </>
  );
}

function Moves({ period }: { period: string }) {
  const { data, error, reload } = useLoaded<{ items: Move[]; next: string | null }>(`/grids/moves/${period}`, {
    limit: MOST,
  });
  if (error) return <Failed error={error} retry={reload} />;
  return (
    <section aria-busy={!data}>
      <Back />
      {data && data.items.length === 0 && <Nothing title={t("grids.stayed")} />}
      <div class="sheet-scroll">
        <table class="sheet cards">
          <thead>
            <tr>
              <Head of={["kind", "name", "fromUnit", "toUnit", "fromPatrol", "toPatrol"]} />
            </tr>
          </thead>
          <tbody>
            {data?.items.map((move) => (
              <tr key={`${move.kind}${move.name}`}>
                <td data-label={t("grids.kind")}>{word("kind", move.kind)}</td>
                <td data-label={t("grids.name")}>{move.name}</td>
                <td data-label={t("grids.fromUnit")}>{move.from_unit_grid ?? "–"}</td>
                <td data-label={t("grids.toUnit")}>{move.to_unit_grid ?? "–"}</td>
                <td data-label={t("grids.fromPatrol")}>{move.from_patrol_grid ?? "–"}</td>
                <td data-label={t("grids.toPatrol")}>{move.to_patrol_grid ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data?.next && <p class="muted">{t("grids.moreMoves", { count: MOST })}</p>}
    </section>
  );
}

function Back() {
  return (
    <button type="button" class="text-button" onClick={() => go("grids")}>
      {t("grids.back")}
    </button>
  );
}

function total(counts: Record<string, number> | null): number {
  return Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0);
}
