/** The devices as a list to work through: by type, state, health, model, firmware, and how long batteries last. */
import { useState } from "preact/hooks";
import { get } from "../api/client";
import type { Page } from "../api/types";
import { span } from "../lib/time";
import { Failed, Nothing } from "../page/frame";
import { lang, named } from "../page/state";
import { words } from "../page/words";
import { useLoaded } from "../ui/use_loaded";
import { en } from "./devices_list_en";
import { type Key, zh } from "./devices_list_zh";

const { t, word } = words({ zh, en });
const AT_ONCE = 50;
const STATES = ["registered", "installed", "commissioned", "in_service", "maintenance", "replaced", "retired"];
const HEALTHS = ["online", "late", "silent", "never"];

interface Row {
  label: string;
  profile: string;
  state: string;
  health: string;
  model: string;
  firmware: string;
  battery_days: number | null;
  last_received_at: string | null;
}

interface Types {
  items: { profile: string; name_zh: string; name_en: string }[];
}

const NOBODY = { profile: "", state: "", health: "", model: "", firmware: "", battery_days_below: "" };
type Asked = typeof NOBODY;

export function DeviceList() {
  const [asked, setAsked] = useState<Asked>(NOBODY);
  const types = useLoaded<Types>("/device-types").data?.items ?? [];
  const set = (name: keyof Asked) => (event: Event) =>
    setAsked({ ...asked, [name]: (event.currentTarget as HTMLInputElement).value.trim() });
  const nameOf = (profile: string) => {
    const type = types.find((one) => one.profile === profile);
    return type ? named(type.name_zh, type.name_en) : profile;
  };
  return (
    <section class="form-card" aria-label={t("list.title")}>
      <h2>{t("list.title")}</h2>
      <div class="device-filters">
        <Choice
          name="profile"
          asked={asked}
          set={set}
          options={types.map((one) => [one.profile, nameOf(one.profile)])}
        />
        <Choice name="state" asked={asked} set={set} options={STATES.map((one) => [one, word("state", one)])} />
        <Choice name="health" asked={asked} set={set} options={HEALTHS.map((one) => [one, word("health", one)])} />
        {(["model", "firmware", "battery_days_below"] as const).map((name) => (
          <label key={name}>
            <span>{t(`list.${name}`)}</span>
            <input
              class="field"
              {...(name === "battery_days_below" ? { type: "number", min: 1, max: 36500 } : { maxLength: 100 })}
              value={asked[name]}
              onChange={set(name)}
            />
          </label>
        ))}
      </div>
      <Rows key={JSON.stringify(asked)} asked={asked} nameOf={nameOf} />
    </section>
  );
}

interface ChoiceProps {
  name: "profile" | "state" | "health";
  asked: Asked;
  set: (name: keyof Asked) => (event: Event) => void;
  options: [string, string][];
}

function Choice({ name, asked, set, options }: ChoiceProps) {
  return (
    <label>
      <span>{t(`list.${name}`)}</span>
      <select class="field" value={asked[name]} onChange={set(name)}>
        <option value="">{t("list.all")}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

const COLUMNS: Key[] = [
  "list.label",
  "list.profile",
  "list.state",
  "list.health",
  "list.model",
  "list.firmware",
  "list.battery",
  "list.heard",
];

function Rows({ asked, nameOf }: { asked: Asked; nameOf: (profile: string) => string }) {
  const { data, error, reload } = useLoaded<Page<Row>>("/devices", { ...asked, limit: AT_ONCE });
  const [more, setMore] = useState<{ items: Row[]; next: string | null } | null>(null);
  const [failed, setFailed] = useState<Error | null>(null);
  if (error) return <Failed error={error} retry={reload} />;
  if (!data) return <p class="muted" aria-busy="true" />;
  if (!data.items.length) return <Nothing title={t("list.nothing")} hint={t("list.nothingHint")} />;
  const next = more ? more.next : data.next;
  const goOn = () =>
    get<Page<Row>>("/devices", { ...asked, limit: AT_ONCE, cursor: next ?? "" }).then((page) => {
      setFailed(null);
      setMore({ items: [...(more?.items ?? []), ...page.items], next: page.next });
    }, setFailed);
  return (
    <>
      <div class="sheet-scroll">
        <table class="sheet">
          <thead>
            <tr>
              {COLUMNS.map((key) => (
                <th key={key}>{t(key)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...data.items, ...(more?.items ?? [])].map((row) => (
              <Line key={row.label} row={row} type={nameOf(row.profile)} />
            ))}
          </tbody>
        </table>
      </div>
      {failed && <Failed error={failed} />}
      {next && (
        <button type="button" class="button" onClick={goOn}>
          {t("list.more")}
        </button>
      )}
    </>
  );
}

function Line({ row, type }: { row: Row; type: string }) {
  const heard = row.last_received_at;
  return (
    <tr>
      <td class="row-name">
        <a href={`/?device=${encodeURIComponent(row.label)}&lang=${lang.value}`}>{row.label}</a>
      </td>
      <td>{type}</td>
      <td>{word("state", row.state)}</td>
      <td>
        <span class={`health health-${row.health}`}>{word("health", row.health)}</span>
      </td>
      <td>{row.model}</td>
      <td class="num">{row.firmware}</td>
      <td class="num">{row.battery_days === null ? "" : t("list.days", { days: Math.round(row.battery_days) })}</td>
      <td class="num">{heard ? t("list.ago", { span: span(Date.now() - Date.parse(heard), lang.value) }) : "–"}</td>
    </tr>
  );
}
