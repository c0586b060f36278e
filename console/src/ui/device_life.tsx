/** A device's life: what happened to it, by whom and why; and the devices a component carried one after the other. */
import { select } from "../state/control";
import { word as say, t as text } from "../state/store";
import { words } from "../state/words";
import { nameOfWord } from "./device_about";
import { DeviceSteps, type Step } from "./device_steps";
import { At, Facts, Section, Skeleton } from "./parts";
import { useLoaded } from "./use_loaded";

interface LifeEvent {
  at: string;
  actor: string;
  kind: string;
  reason: string;
  detail: { replaced_by?: string; component_code?: string; changes?: Record<string, [string, string]> };
}

interface Place {
  component_code: string;
  since: string;
  until: string | null;
  replaced_by: string | null;
}

interface History {
  items: LifeEvent[];
  places: Place[];
  steps: Step[];
}

interface Carried {
  items: {
    label: string;
    profile: string;
    state: string;
    since: string;
    until: string | null;
    replaced_by: string | null;
  }[];
}

interface Health {
  battery: { days_left: number | null; unknown: string | null };
  refused: { id: string; reason: string; detail: string; last_seen: string; seen: number }[];
}

const { t, word } = words({
  zh: {
    "health.battery": "电池预计可用",
    "health.days": "{days} 天",
    "battery.no_levels": "未知：没有电量数据",
    "battery.too_few": "未知：数据太少",
    "battery.not_falling": "未知：电量没有下降",
    "health.refused": "被拒收的消息（7 天）",
    "refused.malformed": "格式不符",
    "refused.bad_time": "时间有误",
    "refused.future": "时间超前",
    "refused.too_old": "时间过旧",
    "refused.impossible": "数值不可能",
    "refused.empty": "没有数据",
    "refused.oversized": "消息过长",
    "refused.wrong_topic": "主题不符",
    "refused.not_in_service": "设备已停用",
    "refused.unknown_device": "未登记",
    "refused.unknown_quantity": "量名或单位未知",
    "life.history": "履历",
    "life.places": "安装过的位置",
    "life.device": "设备",
    "life.former": "以前安装的设备",
    "life.by": "由 {actor}",
    "life.replacedBy": "由 {label} 接替",
    "kind.placed": "现场登记",
    "kind.described": "型号固件",
  },
  en: {
    "health.battery": "Battery lasts",
    "health.days": "{days} days",
    "battery.no_levels": "unknown: it tells no level",
    "battery.too_few": "unknown: too few levels yet",
    "battery.not_falling": "unknown: the level does not fall",
    "health.refused": "Refused messages (7 days)",
    "refused.malformed": "malformed",
    "refused.bad_time": "no time",
    "refused.future": "in the future",
    "refused.too_old": "too old",
    "refused.impossible": "impossible value",
    "refused.empty": "empty",
    "refused.oversized": "too long",
    "refused.wrong_topic": "wrong topic",
    "refused.not_in_service": "out of use",
    "refused.unknown_device": "not registered",
    "refused.unknown_quantity": "unknown quantity",
    "life.history": "History",
    "life.places": "Where it stood",
    "life.device": "the device",
    "life.former": "Devices it carried before",
    "life.by": "by {actor}",
    "life.replacedBy": "replaced by {label}",
    "kind.placed": "registered on the spot",
    "kind.described": "described",
  },
});

/** How long the battery lasts, and why messages were refused. */
export function DeviceHealth({ label }: { label: string }) {
  const { data } = useLoaded<Health>(`/devices/${label}/health`);
  if (!data) return null;
  const { days_left, unknown } = data.battery;
  const lasts =
    days_left === null ? word("battery", unknown ?? "") : t("health.days", { days: String(Math.round(days_left)) });
  return (
    <>
      {unknown !== "no_levels" && (
        <div class="section-more">
          <Facts rows={[[t("health.battery"), lasts]]} />
        </div>
      )}
      {data.refused.length > 0 && (
        <Section title={t("health.refused")}>
          <ol class="life">
            {data.refused.map((message) => (
              <li key={message.id}>
                <b title={message.reason}>{word("refused", message.reason)}</b>
                <span>{message.detail}</span>
                <span class="muted">
                  <At at={message.last_seen} /> × {message.seen}
                </span>
              </li>
            ))}
          </ol>
        </Section>
      )}
    </>
  );
}

interface LifeProps {
  label: string;
  state: string;
  /** whatever tells that something happened to it: then its history is asked for again */
  news: string;
  changed: () => void;
}

/** Where it is in its life, what may come next, and all that was. */
export function DeviceLife({ label, state, news, changed }: LifeProps) {
  const { data } = useLoaded<History>(`/devices/${label}/history`, {}, `${state} ${news}`);
  return (
    <>
      <Section title={text("detail.lifecycle")} aside={<span class={`tag life-${state}`}>{say("life", state)}</span>}>
        {data ? <DeviceSteps label={label} state={state} steps={data.steps} done={changed} /> : <Skeleton rows={1} />}
      </Section>
      <Section title={t("life.history")}>{data ? <Events items={data.items} /> : <Skeleton rows={2} />}</Section>
      {data && <Places places={data.places} />}
    </>
  );
}

function Events({ items }: { items: LifeEvent[] }) {
  return (
    <ol class="life" data-testid="life">
      {items.map((event) => (
        <li key={`${event.at}/${event.kind}`}>
          <b>{kindOf(event)}</b>
          {wordsOf(event) && <span>{wordsOf(event)}</span>}
          <span class="muted">
            <At at={event.at} /> {t("life.by", { actor: event.actor === "device" ? t("life.device") : event.actor })}
          </span>
        </li>
      ))}
    </ol>
  );
}

function kindOf(event: LifeEvent): string {
  const own = word("kind", event.kind);
  return own === event.kind ? say("life", event.kind) : own;
}

function wordsOf(event: LifeEvent): string {
  const { replaced_by, component_code, changes } = event.detail;
  const changed = Object.entries(changes ?? {}).map(
    ([name, [before, after]]) => `${nameOfWord(name)} ${[before, after || "–"].filter(Boolean).join(" → ")}`,
  );
  const said = [event.reason, component_code, replaced_by && t("life.replacedBy", { label: replaced_by }), ...changed];
  return said.filter(Boolean).join(" · ");
}

/** Where it stood, once that is more than where it stands. */
function Places({ places }: { places: Place[] }) {
  if (places.every((place) => place.until === null)) return null;
  return (
    <Section title={t("life.places")}>
      <ol class="life">
        {places.map((place) => (
          <li key={`${place.component_code}/${place.since}`}>
            <button
              type="button"
              class="link-row num"
              onClick={() => select({ kind: "component", id: place.component_code })}
            >
              {place.component_code}
            </button>
            <span>{place.replaced_by && <Follower label={place.replaced_by} />}</span>
            <span class="muted">
              <At at={place.since} /> – <At at={place.until} />
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Follower({ label }: { label: string }) {
  return (
    <button type="button" class="link-row" onClick={() => select({ kind: "device", id: label })}>
      {t("life.replacedBy", { label })}
    </button>
  );
}

/** Nothing while every device it ever carried still stands there. */
export function FormerDevices({ code }: { code: string }) {
  const { data } = useLoaded<Carried>(`/components/${code}/devices`);
  const former = data?.items.filter((device) => device.until !== null) ?? [];
  if (!former.length) return null;
  return (
    <Section title={t("life.former")}>
      <ol class="life">
        {former.map((device) => (
          <li key={`${device.label}/${device.since}`}>
            <button type="button" class="link-row" onClick={() => select({ kind: "device", id: device.label })}>
              {device.label}
            </button>
            <span>
              {say("profile", device.profile)} {device.replaced_by && <Follower label={device.replaced_by} />}
            </span>
            <span class="muted">
              <At at={device.since} /> – <At at={device.until} />
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
