/** What a device said that is no number, newest first: detections with confidence, plate and picture. */
import type { DeviceEvent, Page } from "../api/types";
import { percent } from "../lib/number";
import { nowMs, t, word } from "../state/store";
import { Age, Empty, ErrorBox, Section, Skeleton } from "./parts";
import { useLoaded } from "./use_loaded";

const SHOWN = 10;
const REFRESH_MS = 15_000;

/** Shown for devices that detect things; for the others as soon as there is something to show. */
export function DeviceEvents({ label, detects }: { label: string; detects: boolean }) {
  const tick = Math.floor(nowMs.value / REFRESH_MS);
  const { data, error, reload } = useLoaded<Page<DeviceEvent>>("/events", { device: label, limit: SHOWN }, tick);
  if (!detects && !data?.items.length) return null;
  return (
    <Section title={t("detail.events")}>
      {data ? (
        <Events events={data.items} />
      ) : error ? (
        <ErrorBox error={error} retry={reload} />
      ) : (
        <Skeleton rows={2} />
      )}
    </Section>
  );
}

function Events({ events }: { events: DeviceEvent[] }) {
  if (!events.length) return <Empty title={t("detail.noEvents")} hint={t("detail.noEventsHint")} />;
  return (
    <ol class="device-events">
      {events.map((event) => (
        <li key={`${event.ts}/${event.kind}/${event.seq}`}>
          <b>{word("fact", event.kind)}</b>
          <span class="num">{event.confidence === null ? "" : percent(event.confidence)}</span>
          <span class="num">{event.plate}</span>
          <Snapshot url={event.snapshot_url} />
          <span class="muted">
            <Age at={event.ts} />
          </span>
        </li>
      ))}
    </ol>
  );
}

/** A picture is kept by whoever made it; only web addresses become links. */
function Snapshot({ url }: { url: string | null }) {
  if (!url || !/^https?:\/\//.test(url)) return <span />;
  return (
    <a class="link-row" href={url} target="_blank" rel="noreferrer noopener">
      {t("detail.snapshot")}
    </a>
  );
}
