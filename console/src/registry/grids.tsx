/** Tab: the city's grids. What was imported and when it was in force, what was found in it and where, what moved. */
import { useState } from "preact/hooks";
import { grouped } from "../lib/number";
import { absolute } from "../lib/time";
import { Failed, Nothing } from "../page/frame";
import { go } from "../page/route";
import type { TabProps } from "../page/tabs";
import { useLoaded } from "../ui/use_loaded";
import { type Feature, FindingMap } from "./grid_map";
import { type Key, t, word } from "./grids_text";

const ZONE = "Asia/Shanghai";
const MOST = 200;
const COUNTED = ["unit_grids_new", "unit_grids_gone", "unit_grids_kept", "components", "devices", "incidents"] as const;

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
  const [what, period] = rest.split("/");
  if (what === "moves" && period) return <Moves period={period} />;
  return what ? <Findings version={what} /> : <Versions />;
}

function Versions() {
  const { data, error, reload } = useLoaded<{ items: Version[] }>("/grids/versions", { limit: MOST });
  if (error) return <Failed error={error} retry={reload} />;
  if (data && data.items.length === 0) return <Nothing title={t("grids.none")} hint={t("grids.noneHint")} />;
  return (
    <div class="sheet-scroll" aria-busy={!data}>
      <table class="sheet">
        <thead>
          <tr>
            <Head of={["version", "level", "state", "grids", "findings", "source", "imported", "inForce"]} />
          </tr>
        </thead>
        <tbody>
          {data?.items.map((version) => (
            <tr key={version.version_id}>
              <td>
                <button type="button" class="link-row" onClick={() => go("grids", String(version.version_id))}>
                  {version.version_id}
                </button>
              </td>
              <td>{word("level", version.level)}</td>
              <td>{word("state", version.state)}</td>
              <td>{grouped(version.grids)}</td>
              <td>{t("grids.found", { all: total(version.findings), blocking: version.blocking })}</td>
              <td>
                {version.source}
                {version.accepted && <p class="muted">{t("grids.accepted", { reason: version.accepted })}</p>}
              </td>
              <td>
                {absolute(version.imported_at, ZONE)} {version.actor}
              </td>
              <td>
                {version.periods.map((period) => (
                  <Stretch key={period.period_id} period={period} />
                ))}
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
          {t("grids.moved", {
            counts: COUNTED.filter((name) => period.moved[name])
              .map((name) => `${word("moved", name)} ${grouped(period.moved[name] ?? 0)}`)
              .join(" · "),
          })}
        </button>
      )}
    </p>
  );
}

function Findings({ version }: { version: string }) {
  const { data, error, reload } = useLoaded<{ features: Feature[] }>(`/grids/imports/${version}/findings.geojson`);
  const [chosen, choose] = useState<string | null>(null);
  if (error) return <Failed error={error} retry={reload} />;
  const features = data?.features ?? [];
  return (
    <section aria-busy={!data}>
      <Back />
      <h2>{t("grids.findingsOf", { version })}</h2>
      {data && features.length === 0 && <Nothing title={t("grids.clean")} />}
      {features.length > 0 && <FindingMap features={features} chosen={chosen} choose={choose} />}
      <div class="sheet-scroll">
        <table class="sheet">
          <tbody>
            {features.slice(0, MOST).map((finding) => (
              <tr key={finding.id} aria-current={finding.id === chosen}>
                <td>
                  <button type="button" class="link-row" onClick={() => choose(finding.id)}>
                    {word("flaw", finding.properties.flaw)}
                  </button>
                </td>
                <td>{finding.properties.blocks ? t("grids.blocks") : ""}</td>
                <td>{grouped(Math.round(finding.properties.area_m2))} m²</td>
                <td>{finding.properties.detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {features.length > MOST && <p class="muted">{t("grids.more", { count: features.length - MOST })}</p>}
    </section>
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
        <table class="sheet">
          <thead>
            <tr>
              <Head of={["kind", "name", "fromUnit", "toUnit", "fromPatrol", "toPatrol"]} />
            </tr>
          </thead>
          <tbody>
            {data?.items.map((move) => (
              <tr key={`${move.kind}${move.name}`}>
                <td>{word("kind", move.kind)}</td>
                <td>{move.name}</td>
                <td>{move.from_unit_grid ?? "–"}</td>
                <td>{move.to_unit_grid ?? "–"}</td>
                <td>{move.from_patrol_grid ?? "–"}</td>
                <td>{move.to_patrol_grid ?? "–"}</td>
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
