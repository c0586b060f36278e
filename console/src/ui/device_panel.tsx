/** One device in full: health, readings, open incidents, where it stands. */
import { mayEngineer } from "../api/account";
import type { Device, DoubtCounts } from "../api/types";
import { grouped } from "../lib/number";
import { span } from "../lib/time";
import { me } from "../state/account";
import { select } from "../state/control";
import { devices, lang, nowMs, t, word } from "../state/store";
import { DetailFrame } from "./detail_frame";
import { AboutDevice } from "./device_about";
import { DeviceCommands } from "./device_commands";
import { DeviceEvents } from "./device_events";
import { DeviceHealth, DeviceLife } from "./device_life";
import { DeviceMessage } from "./device_message";
import { DeviceReadings, Health, LastSeen } from "./device_readings";
import { DeviceGlyph } from "./glyphs";
import { LinkRow } from "./incident_detail";
import { IncidentRow } from "./incident_row";
import { At, Facts, Section, Skeleton } from "./parts";
import { placeFacts } from "./place_facts";
import { SilenceLink } from "./silence_link";
import { useLoaded } from "./use_loaded";

/** states in which a device stands nowhere and hears nothing */
export const LEFT = new Set(["replaced", "retired"]);

export function DevicePanel({ label }: { label: string }) {
  const tick = Math.floor(nowMs.value / 15_000);
  const { data: device, error, reload } = useLoaded<Device>(`/devices/${label}`, {}, tick);
  const row = devices.value.get(label);
  const position: [number, number] | null = row ? [row[2], row[3]] : device && [device.lon, device.lat];
  return (
    <DetailFrame
      kind={t("detail.device")}
      code={label}
      position={position}
      error={device ? null : error}
      retry={reload}
    >
      {device ? <Body device={device} changed={reload} /> : <Skeleton rows={5} tall />}
    </DetailFrame>
  );
}

function Body({ device, changed }: { device: Device; changed: () => void }) {
  return (
    <>
      <header class="detail-title">
        <DeviceGlyph profile={device.profile} />
        <div>
          <h2>{word("profile", device.profile)}</h2>
          <p class="muted num">{device.label}</p>
        </div>
        <Health device={device} />
      </header>
      <DeviceReadings label={device.label} first={null} />
      <DeviceEvents label={device.label} detects={device.profile === "camera"} />
      <OpenIncidents incidents={device.open_incidents} />
      {device.component_code && (
        <Section title={t("detail.component")}>
          <LinkRow
            text={device.component_code}
            open={() => select({ kind: "component", id: device.component_code ?? "" })}
          />
        </Section>
      )}
      <Section title={t("detail.health")}>
        <Facts
          rows={[
            [t("detail.lastSeen"), <LastSeen key="l" device={device} />],
            [t("detail.latest"), <At key="t" at={device.latest?.ts ?? null} />],
            [t("detail.interval"), span(device.interval_s * 1000, lang.value)],
            [t("detail.origin"), device.latest ? word("origin", device.latest.origin) : "–"],
            [t("detail.doubts"), <Doubts key="q" counts={device.quality.seven_days} />],
            ...placeFacts(device),
          ]}
        />
        <SilenceLink device={device.label} />
      </Section>
      <DeviceHealth label={device.label} />
      <DeviceLife label={device.label} state={device.state} news={device.about.at ?? ""} changed={changed} />
      {!LEFT.has(device.state) && <DeviceCommands label={device.label} />}
      <AboutDevice key={`about ${device.label}`} label={device.label} about={device.about} changed={changed} />
      {mayEngineer(me.value) && <DeviceMessage key={device.label} label={device.label} />}
    </>
  );
}

/** What was doubtful about its messages in seven days, the most frequent first. */
function Doubts({ counts }: { counts: DoubtCounts }) {
  const { stored: _, ...doubts } = counts;
  const found = Object.entries(doubts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
  if (!found.length) return <>{t("detail.noDoubts")}</>;
  return <>{found.map(([name, count]) => `${word("doubt", name)} ${grouped(count)}`).join(" · ")}</>;
}

export function OpenIncidents({ incidents }: { incidents: Device["open_incidents"] }) {
  return (
    <Section title={t("detail.openIncidents")}>
      {incidents.length ? (
        <ol class="rows inset">
          {incidents.map((incident) => (
            <IncidentRow key={incident.incident_id} incident={incident} />
          ))}
        </ol>
      ) : (
        <p class="muted">{t("detail.noIncidents")}</p>
      )}
    </Section>
  );
}
