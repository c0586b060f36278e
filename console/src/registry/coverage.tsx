/** Tab: how densely the city is sensed, by class, district, team or grid, against what another city reports. */
import { useState } from "preact/hooks";
import { grouped, percent } from "../lib/number";
import { Failed, Nothing } from "../page/frame";
import { named } from "../page/state";
import { words } from "../page/words";
import { useLoaded } from "../ui/use_loaded";

const BY = ["district", "class", "patrol", "unit"] as const;
const SHOWN = 200;

interface Covered {
  key: string;
  name_zh: string;
  name_en: string;
  components: number;
  sensed: number;
  share: number | null;
  devices: number;
  area_km2: number;
  per_km2: number | null;
}

interface Answer {
  reference: { per_km2: number; source_zh: string; source_en: string };
  total: Covered;
  items: Covered[];
  more: number;
}

const { t } = words({
  zh: {
    "by.label": "统计口径",
    "by.class": "部件类",
    "by.district": "城区",
    "by.patrol": "巡查网格",
    "by.unit": "单元网格",
    "cover.density": "每平方公里在用设备",
    "cover.share": "已感知部件",
    "cover.devices": "在用设备",
    "cover.together": "合计",
    "cover.vehicles": "车辆等不在部件上",
    "cover.noTeam": "无巡查网格",
    "cover.more": "还有 {count} 行未列出",
    "cover.nothing": "还没有部件和网格",
    "cover.nothingHint": "导入部件普查和单元网格后，这里显示感知密度。",
  },
  en: {
    "by.label": "Count by",
    "by.class": "Class",
    "by.district": "District",
    "by.patrol": "Patrol grid",
    "by.unit": "Unit grid",
    "cover.density": "Devices in service per km²",
    "cover.share": "Components sensed",
    "cover.devices": "In service",
    "cover.together": "Together",
    "cover.vehicles": "On no component (vehicles)",
    "cover.noTeam": "Of no patrol grid",
    "cover.more": "{count} more rows are not shown",
    "cover.nothing": "There are no components and grids yet",
    "cover.nothingHint": "Sensing density appears once the survey and the unit grids are imported.",
  },
});

export default function CoverageTab() {
  const [by, setBy] = useState<(typeof BY)[number]>("district");
  const { data, error, reload } = useLoaded<Answer>("/coverage", { by, limit: SHOWN });
  return (
    <>
      <fieldset class="segments" aria-label={t("by.label")}>
        {BY.map((one) => (
          <button key={one} type="button" aria-pressed={by === one} onClick={() => setBy(one)}>
            {t(`by.${one}`)}
          </button>
        ))}
      </fieldset>
      {error ? <Failed error={error} retry={reload} /> : data && <Shown answer={data} by={by} />}
    </>
  );
}

function Shown({ answer, by }: { answer: Answer; by: string }) {
  if (!answer.items.length) return <Nothing title={t("cover.nothing")} hint={t("cover.nothingHint")} />;
  const { reference } = answer;
  const most = Math.max(reference.per_km2, ...answer.items.map((item) => item.per_km2 ?? 0));
  const other = by === "class" ? t("cover.vehicles") : t("cover.noTeam");
  return (
    <>
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
            {answer.items.map((item) => (
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
      {answer.more > 0 && <p class="muted">{t("cover.more", { count: grouped(answer.more) })}</p>}
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
