/** A device's life: what happened to it, by whom and why; and the devices a component carried one after the other. */
import { words } from "../page/words";
import { select } from "../state/control";
import { word as say } from "../state/store";
import { At, Facts, Section, Skeleton } from "./parts";
import { useLoaded } from "./use_loaded";

interface History {
  items: { at: string; actor: string; kind: string; reason: string; detail: Record<string, string> }[];
  places: { component_code: string; since: string; until: string | null; replaced_by: string | null }[];
}

interface Carried {
  items: { label: string; profile: string; state: string; since: string; until: string | null }[];
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
    "life.history": "履历",
    "life.former": "以前安装的设备",
    "life.by": "{actor}",
    "life.replacedBy": "由 {label} 接替",
    "kind.placed": "现场登记",
  },
  en: {
    "health.battery": "Battery lasts",
    "health.days": "{days} days",
    "battery.no_levels": "unknown: it tells no level",
    "battery.too_few": "unknown: too few levels yet",
    "battery.not_falling": "unknown: the level does not fall",
    "health.refused": "Refused messages (7 days)",
    "life.history": "History",
    "life.former": "Devices it carried before",
    "life.by": "by {actor}",
    "life.replacedBy": "replaced by {label}",
    "kind.placed": "registered on the spot",
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
      {unknown !== "no_levels" && <Facts rows={[[t("health.battery"), lasts]]} />}
      {data.refused.length > 0 && (
        <Section title={t("health.refused")}>
          <ol class="life">
            {data.refused.map((message) => (
              <li key={message.id}>
                <b>{message.reason}</b>
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

export function DeviceHistory({ label }: { label: string }) {
  const { data } = useLoaded<History>(`/devices/${label}/history`);
  if (!data) return <Skeleton rows={2} />;
  return (
    <Section title={t("life.history")}>
      <ol class="life">
        {data.items.map((event) => (
          <li key={`${event.at}/${event.kind}`}>
            <b>{event.kind === "placed" ? word("kind", event.kind) : say("life", event.kind)}</b>
            <span>
              {event.reason} {event.detail.replaced_by && t("life.replacedBy", { label: event.detail.replaced_by })}
            </span>
            <span class="muted">
              <At at={event.at} /> {t("life.by", { actor: event.actor })}
            </span>
          </li>
        ))}
      </ol>
    </Section>
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
            <span>{say("profile", device.profile)}</span>
            <span class="muted">
              <At at={device.since} /> – <At at={device.until} />
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
