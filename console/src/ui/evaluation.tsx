/** Evaluation: what a period's cases come to, by area, department and more; each share with both its numbers. */
import { useEffect, useRef } from "preact/hooks";
import { address } from "../api/client";
import { type Side, share, sides, span, spanText } from "../lib/evaluation";
import { adjust } from "../state/control";
import { lang, named, t, view, word } from "../state/store";
import { ErrorBox } from "./parts";
import { useLoaded } from "./use_loaded";

interface Figure {
  numerator: number;
  denominator: number;
  value: number | null;
}

interface Named {
  key: string | null;
  name_zh: string | null;
  name_en: string | null;
}

interface Group extends Named {
  cases: number;
  figures: Record<string, Figure>;
  mean_to_dispatch_s: number | null;
  mean_to_handled_s: number | null;
}

interface Meaning {
  key: string;
  name_zh: string;
  name_en: string;
  formula: string;
}

interface DeviceGroup extends Named {
  devices: number;
  online_rate: Figure;
  completeness: Figure;
}

export const GROUPINGS = ["district", "street", "department", "subsystem", "class", "patrol_grid", "post"] as const;
const DAYS = [1, 7, 30, 90] as const;

export function Evaluation() {
  const by = view.value.evaluation;
  return by ? <EvaluationDialog by={by} days={view.value.days} /> : null;
}

function EvaluationDialog({ by, days }: { by: string; days: number }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  // whole minutes: the same address is the same question
  const { from, to } = span(Date.now(), days);
  return (
    <dialog
      ref={dialog}
      class="evaluation"
      aria-label={t("kpi.title")}
      data-testid="evaluation"
      onClose={() => adjust({ evaluation: "" })}
    >
      <div class="evaluation-head">
        <h2>{t("kpi.title")}</h2>
        <label>
          {t("kpi.by")}
          <select value={by} onChange={(event) => adjust({ evaluation: event.currentTarget.value })}>
            {GROUPINGS.map((one) => (
              <option key={one} value={one}>
                {word("kpi.by", one)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("kpi.period")}
          <select value={days} onChange={(event) => adjust({ days: Number(event.currentTarget.value) })}>
            {DAYS.map((one) => (
              <option key={one} value={one}>
                {spanText(one, lang.value)}
              </option>
            ))}
          </select>
        </label>
        <a class="button" href={address("/kpis", { by, from, to, format: "csv" })} download>
          CSV
        </a>
        <form method="dialog">
          <button type="submit" class="button">
            {t("kpi.close")}
          </button>
        </form>
      </div>
      <Cases by={by} from={from} to={to} />
      <Devices from={from} to={to} />
    </dialog>
  );
}

function Cases({ by, from, to }: { by: string; from: string; to: string }) {
  const { data, error, reload } = useLoaded<{ groups: Group[]; indicators: Meaning[] }>("/kpis", { by, from, to });
  if (error) return <ErrorBox error={error} retry={reload} />;
  if (!data) return <p class="skeleton" style={{ height: "8em" }} />;
  if (!data.groups.length) return <p class="muted">{t("kpi.empty")}</p>;
  const shown = data.indicators.filter((one) => data.groups.some((group) => group.figures[one.key]));
  return (
    <div class="evaluation-scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">{word("kpi.by", by)}</th>
            <th scope="col" class="num">
              {t("kpi.cases")}
            </th>
            {shown.map((one) => (
              <th key={one.key} scope="col" class="num" title={one.formula}>
                {named(one.name_zh, one.name_en)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.groups.map((group) => (
            <tr key={group.key}>
              <th scope="row">{nameOf(group, by)}</th>
              <td class="num">{group.cases}</td>
              {shown.map((one) => (
                <Share key={one.key} figure={group.figures[one.key]} side={sides(one.key)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Devices({ from, to }: { from: string; to: string }) {
  const { data } = useLoaded<{ groups: DeviceGroup[] }>("/kpis/devices", { by: "profile", from, to });
  if (!data?.groups.length) return null;
  return (
    <div class="evaluation-scroll">
      <h3>{t("kpi.devices")}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("kpi.deviceType")}</th>
            <th scope="col" class="num">
              {t("summary.devices")}
            </th>
            <th scope="col" class="num">
              {t("kpi.online")}
            </th>
            <th scope="col" class="num">
              {t("kpi.completeness")}
            </th>
          </tr>
        </thead>
        <tbody>
          {data.groups.map((group) => (
            <tr key={group.key}>
              <th scope="row">{named(group.name_zh, group.name_en)}</th>
              <td class="num">{group.devices}</td>
              <Share figure={group.online_rate} side="good" />
              <Share figure={group.completeness} side="good" />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function nameOf(group: Named, by: string): string {
  if (by === "post") return word("role", group.key ?? "");
  return named(group.name_zh, group.name_en) || group.key || t("kpi.unknown");
}

/** The share in words, a bar for the eye, and both numbers. */
function Share({ figure, side }: { figure: Figure | undefined; side: Side }) {
  if (!figure || figure.value === null) return <td class="num muted">–</td>;
  return (
    <td class="num share" title={`${figure.numerator} / ${figure.denominator}`}>
      {share(figure.value)} <small>{`${figure.numerator}/${figure.denominator}`}</small>
      <i class={`share-bar share-${side}`} style={{ transform: `scaleX(${figure.value.toFixed(4)})` }} />
    </td>
  );
}
