/** A device's newest values and any of them over time: pick the channel, pick 1 h, 24 h or 7 d. */
import { useMemo, useState } from "preact/hooks";
import type { ChannelValue, Device, Series } from "../api/types";
import { unitText, withUnit } from "../lib/number";
import { span } from "../lib/time";
import { select } from "../state/control";
import { lang, named, nowMs, t, word } from "../state/store";
import { Chart } from "./chart";
import { HealthGlyph } from "./glyphs";
import { Age, Empty, ErrorBox, Section, Skeleton } from "./parts";
import { useLoaded } from "./use_loaded";

const HOURS = [1, 24, 168] as const;
const POINTS = 300;
const REFRESH_MS = 15_000;

export function Health({ device }: { device: Pick<Device, "health"> }) {
  return (
    <span class={`health health-${device.health}`}>
      <HealthGlyph health={device.health} /> {word("summary", device.health)}
    </span>
  );
}

/** `first` is the channel to begin with; `linked` adds the way to the device's own page. */
export function DeviceReadings({
  label,
  first,
  linked = false,
}: {
  label: string;
  first: string | null;
  linked?: boolean;
}) {
  const tick = Math.floor(nowMs.value / REFRESH_MS);
  const { data: device, error, reload } = useLoaded<Device>(`/devices/${label}`, {}, tick);
  if (error && !device) return <ErrorBox error={error} retry={reload} />;
  if (!device) return <Skeleton rows={3} tall />;
  return (
    <Section
      title={t("detail.readings")}
      aside={
        linked ? (
          <button type="button" class="link-row num" onClick={() => select({ kind: "device", id: label })}>
            <Health device={device} /> {label} <span aria-hidden="true">›</span>
          </button>
        ) : undefined
      }
    >
      {device.latest ? (
        <Readings device={device} first={first} />
      ) : (
        <Empty title={t("detail.latestEmpty")} hint={t("detail.latestEmptyHint")} />
      )}
    </Section>
  );
}

function Readings({ device, first }: { device: Device; first: string | null }) {
  const usual =
    device.channels.find((one) => one.channel === first) ?? device.channels.find((one) => one.value !== null);
  const [picked, pick] = useState<string | null>(null);
  const channel = device.channels.find((one) => one.channel === picked) ?? usual ?? device.channels[0];
  const [hours, setHours] = useState<number>(24);
  return (
    <>
      <div class="channels" role="radiogroup" aria-label={t("detail.channel")}>
        {device.channels.map((one) => (
          <ChannelTile
            key={one.channel}
            one={one}
            chosen={one.channel === channel?.channel}
            pick={() => pick(one.channel)}
          />
        ))}
      </div>
      <div class="chart-head">
        <span>
          <b>{channel && named(channel.name_zh, channel.name_en)}</b>{" "}
          <span class="muted">{channel && unitText(channel.unit)}</span>
        </span>
        <div class="segments">
          {HOURS.map((one) => (
            <button key={one} type="button" aria-pressed={hours === one} onClick={() => setHours(one)}>
              {t(`range.${one}`)}
            </button>
          ))}
        </div>
      </div>
      {channel && <ReadingsChart device={device} channel={channel} hours={hours} />}
    </>
  );
}

function ChannelTile({ one, chosen, pick }: { one: ChannelValue; chosen: boolean; pick: () => void }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a tile with two lines, not an input
    <button type="button" role="radio" class="channel" aria-checked={chosen} onClick={pick}>
      <span class="muted">{named(one.name_zh, one.name_en)}</span>
      <b class="num">{withUnit(one.value, one.unit)}</b>
    </button>
  );
}

function ReadingsChart({ device, channel, hours }: { device: Device; channel: ChannelValue; hours: number }) {
  const every = hours === 1 ? REFRESH_MS : 60_000;
  const until = Math.floor(nowMs.value / every) * every + every;
  const from = new Date(until - hours * 3_600_000).toISOString();
  const query = { channel: channel.channel, from, to: new Date(until).toISOString(), points: POINTS };
  const loaded = useKept(device.label, channel.channel, hours, query);
  const data = useMemo(() => (loaded.data ? columnsOf(loaded.data) : null), [loaded.data]);
  if (loaded.error) return <ErrorBox error={loaded.error} retry={loaded.reload} />;
  if (!data) return <div class="chart chart-wait" aria-hidden="true" />;
  if (!data.at.length) {
    const hint = t("detail.noReadingsHint", { span: span(device.interval_s * 1000, lang.value) });
    return <Empty title={t("detail.noReadings")} hint={hint} />;
  }
  return <Chart data={data} unit={channel.unit} label={named(channel.name_zh, channel.name_en)} />;
}

/** Keeps showing the last answer while the same chart is asked for a little later. */
function useKept(label: string, channel: string, hours: number, query: Record<string, string | number>) {
  const loaded = useLoaded<Series>(`/devices/${label}/readings`, query);
  const [kept, keep] = useState<{ of: string; data: Series } | null>(null);
  const of = `${label}/${channel}/${hours}`;
  if (loaded.data && (kept?.of !== of || kept.data !== loaded.data)) keep({ of, data: loaded.data });
  return { ...loaded, data: loaded.data ?? (kept?.of === of ? kept.data : null) };
}

/** A bucket that is missing between two that are not is a gap in the line. */
export function columnsOf(series: Series) {
  const at: number[] = [];
  const low: (number | null)[] = [];
  const mean: (number | null)[] = [];
  const high: (number | null)[] = [];
  for (const [ms, lowest, average, highest] of series.points) {
    at.push(ms);
    low.push(lowest);
    mean.push(average);
    high.push(highest);
  }
  return { at, low, mean, high };
}

export function LastSeen({ device }: { device: Device }) {
  return device.latest ? <Age at={device.latest.received_at} /> : <>–</>;
}
