/** Tab: how densely the city is sensed, by class, district, team or grid, against what another city reports. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { grouped, percent } from "../lib/number";
import { Failed, Nothing } from "../page/frame";
import { named } from "../page/state";
import { useLoaded } from "../ui/use_loaded";
import "./coverage.css";
import { type Covered, t } from "./coverage_text";

const BY = ["patrol", "district", "class", "unit"] as const;
const SHOWN = 200;
/** Patrol grids are all asked for: the map shows every one. */
const MOST = 5000;

interface Answer {
  reference: { per_km2: number; source_zh: string; source_en: string };
  total: Covered;
  items: Covered[];
  more: number;
}

export default function CoverageTab() {
  const [by, setBy] = useState<(typeof BY)[number]>("patrol");
  const [one, setOne] = useState("");
  const classCode = by === "class" ? undefined : one || undefined;
  const limit = by === "patrol" ? MOST : SHOWN;
  const { data, error, reload } = useLoaded<Answer>("/coverage", { by, limit, class_code: classCode });
  return (
    <>
      <div class="choices">
        <fieldset class="segments" aria-label={t("by.label")}>
          {BY.map((one) => (
            <button key={one} type="button" aria-pressed={by === one} onClick={() => setBy(one)}>
              {t(`by.${one}`)}
            </button>
          ))}
        </fieldset>
        {by !== "class" && <ClassChoice chosen={one} choose={setOne} />}
      </div>
      {error && <Failed error={error} retry={reload} />}
      {data ? (
        <Shown answer={data} by={by} />
      ) : (
        !error && (
          <p class="muted" role="status">
            {t("cover.counting")}
          </p>
        )
      )}
    </>
  );
}

function ClassChoice({ chosen, choose }: { chosen: string; choose: (code: string) => void }) {
  const { data } = useLoaded<Answer>("/coverage", { by: "class", limit: SHOWN });
  return (
    <select
      class="field"
      aria-label={t("cover.class")}
      value={chosen}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      <option value="">{t("cover.everyClass")}</option>
      {data?.items
        .filter((item) => item.key)
        .map((item) => (
          <option key={item.key} value={item.key}>
            {item.key} {named(item.name_zh, item.name_en)}
          </option>
        ))}
    </select>
  );
}

/** The map is large: it comes after the table. */
function LazyMap({ items }: { items: Covered[] }) {
  const [Shades, setShades] = useState<ComponentType<{ items: Covered[] }> | null>(null);
  useEffect(() => {
    import("./coverage_map").then(
      (it) => setShades(() => it.default),
      () => undefined, // without it there is the table
    );
  }, []);
  return Shades && <Shades items={items} />;
}

function Shown({ answer, by }: { answer: Answer; by: string }) {
  if (!answer.items.length) return <Nothing title={t("cover.nothing")} hint={t("cover.nothingHint")} />;
  const { reference } = answer;
  const beyond = answer.more + Math.max(0, answer.items.length - SHOWN);
  const most = Math.max(reference.per_km2, ...answer.items.map((item) => item.per_km2 ?? 0));
  const other = by === "class" ? t("cover.vehicles") : t("cover.noTeam");
  return (
    <>
      {by === "patrol" && <LazyMap items={answer.items} />}
      <div class="sheet-scroll">
        <table class="sheet">
          <thead>
            <tr>
              <th>{t(`by.${by as "class"}`)}</th>
              <th>{t("cover.density")}</th>
              <th>{t("cover.share")}</th>
              <th>{t("cover.devices")}</th>
            </tr>
          </thead>
          <tbody>
            <Line item={answer.total} name={t("cover.together")} most={most} mark={reference.per_km2} />
            {answer.items.slice(0, SHOWN).map((item) => (
              <Line
                key={item.key}
                item={item}
                name={item.key ? `${named(item.name_zh, item.name_en)} ${item.key}` : other}
                most={most}
                mark={reference.per_km2}
              />
            ))}
          </tbody>
        </table>
      </div>
      {beyond > 0 && <p class="muted">{t("cover.more", { count: grouped(beyond) })}</p>}
      <p class="muted">┃ {named(reference.source_zh, reference.source_en)}</p>
    </>
  );
}

/** The bar is the density; the line across it is the other city's. */
function Line({ item, name, most, mark }: { item: Covered; name: string; most: number; mark: number }) {
  const density = item.per_km2 ?? 0;
  return (
    <tr>
      <td>{name}</td>
      <td>
        <span class="bar" aria-hidden="true">
          <i style={{ width: `${((100 * density) / most).toFixed(2)}%` }} />
          <b style={{ left: `${((100 * mark) / most).toFixed(2)}%` }} />
        </span>
        {item.per_km2 === null ? "–" : density.toFixed(1)}
      </td>
      <td>
        {item.share === null ? "–" : percent(item.share)}{" "}
        <span class="muted">
          {grouped(item.sensed)} / {grouped(item.components)}
        </span>
      </td>
      <td>{grouped(item.devices)}</td>
    </tr>
  );
}
