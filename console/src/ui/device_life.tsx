/** A device's life: what happened to it, by whom and why; and the devices a component carried one after the other. */
import { words } from "../page/words";
import { select } from "../state/control";
import { word as say } from "../state/store";
import { At, Section, Skeleton } from "./parts";
import { useLoaded } from "./use_loaded";

interface History {
  items: { at: string; actor: string; kind: string; reason: string; detail: Record<string, string> }[];
  places: { component_code: string; since: string; until: string | null; replaced_by: string | null }[];
}

interface Carried {
  items: { label: string; profile: string; state: string; since: string; until: string | null }[];
}

const { t, word } = words({
  zh: {
    "life.history": "履历",
    "life.former": "以前安装的设备",
    "life.by": "{actor}",
    "life.replacedBy": "由 {label} 接替",
    "kind.placed": "现场登记",
  },
  en: {
    "life.history": "History",
    "life.former": "Devices it carried before",
    "life.by": "by {actor}",
    "life.replacedBy": "replaced by {label}",
    "kind.placed": "registered on the spot",
  },
});

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
