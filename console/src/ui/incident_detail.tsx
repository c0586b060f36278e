/** One incident in full: what to do next, the evidence with the limit drawn in, the timeline, the place, the device. */
import { useMemo } from "preact/hooks";
import type { HistoryEntry, Incident, IncidentDetail } from "../api/types";
import { select } from "../state/control";
import { incidents, named, t, word } from "../state/store";
import { ActionBar } from "./action_bar";
import { Chart } from "./chart";
import { DetailFrame } from "./detail_frame";
import { DeviceReadings } from "./device_readings";
import { SeverityGlyph } from "./glyphs";
import { Explained, place } from "./incident_row";
import { Age, At, DeadlineBar, Empty, Facts, Section, Skeleton } from "./parts";
import { placeFacts } from "./place_facts";
import { SilenceLink } from "./silence_link";
import { useLoaded } from "./use_loaded";

export function IncidentPanel({ id }: { id: number }) {
  const known = incidents.value.get(id);
  const loaded = useLoaded<IncidentDetail>(`/incidents/${id}`, {}, known?.eventId ?? known?.incident.stage);
  const incident: Incident | null = newer(known?.incident, loaded.data);
  return (
    <DetailFrame
      kind={t("detail.incident")}
      code={`#${id}`}
      position={incident && [incident.lon, incident.lat]}
      error={incident ? null : loaded.error}
      retry={loaded.reload}
    >
      {incident ? <Body incident={incident} detail={loaded.data} reload={loaded.reload} /> : <Skeleton rows={5} tall />}
    </DetailFrame>
  );
}

/** The stream may know more than the answer that was asked for before it. */
function newer(streamed: Incident | undefined, loaded: Incident | null): Incident | null {
  return streamed ?? loaded;
}

function Body({ incident, detail, reload }: { incident: Incident; detail: IncidentDetail | null; reload: () => void }) {
  const history = detail?.history ?? null;
  const byRule = incident.closed_at === null && history?.some((entry) => entry.actor.startsWith("rule "));
  return (
    <>
      <header class="detail-title">
        <SeverityGlyph severity={incident.severity} />
        <div>
          <h2>{named(incident.title_zh, incident.title_en)}</h2>
          <p class="muted">{place(incident)}</p>
        </div>
        <span class={`stage stage-${incident.stage}`}>{word("stage", incident.stage)}</span>
      </header>
      <div class="headline">
        <Explained incident={incident} />
        <DeadlineBar incident={incident} />
      </div>
      {incident.request_kind && detail?.request && (
        <p class="pending">
          <b>{word("event", `${incident.request_kind}_requested`)}</b> {detail.request.extension}{" "}
          {detail.request.reason} <span class="muted">{detail.request.by}</span>
        </p>
      )}
      <ActionBar incident={incident} news={history?.at(-1)?.event_id} done={reload} />
      <EvidenceChart incident={incident} />
      <Timeline history={history} />
      {detail && detail.children.length > 0 && (
        <Section title={t("detail.children")}>
          {detail.children.map((child) => (
            <LinkRow
              key={child.incident_id}
              text={`#${child.incident_id} ${named(child.department_zh, child.department_en)} · ${word("stage", child.stage)}`}
              open={() => select({ kind: "incident", id: child.incident_id })}
            />
          ))}
        </Section>
      )}
      <Section title={t("detail.place")}>
        <Facts
          rows={[
            ...placeFacts(incident),
            [t("detail.department"), named(incident.department_zh, incident.department_en) || "–"],
            [t("detail.owner"), incident.assignee ?? t("list.unassigned")],
            [t("detail.caseNo"), <code key="c">{incident.case_no}</code>],
            [t("detail.opened"), <At key="o" at={incident.opened_at} />],
            [t("detail.deadline"), <At key="d" at={incident.deadline} />],
            [t("detail.rule"), <code key="r">{incident.rule}</code>],
            [t("detail.origin"), word("origin", incident.origin)],
          ]}
        />
        {byRule && <SilenceLink rule={incident.rule} device={incident.device_label} />}
      </Section>
      {incident.component_code && (
        <Section title={t("detail.component")}>
          <LinkRow
            text={incident.component_code}
            open={() => select({ kind: "component", id: incident.component_code ?? "" })}
          />
        </Section>
      )}
      {incident.device_label && (
        <DeviceReadings label={incident.device_label} first={incident.evidence.channel ?? null} linked />
      )}
    </>
  );
}

export function LinkRow({ text, open }: { text: string; open: () => void }) {
  return (
    <button type="button" class="link-row num" onClick={open}>
      {text} <span aria-hidden="true">›</span>
    </button>
  );
}

function EvidenceChart({ incident }: { incident: Incident }) {
  const { readings = [], channel, unit, threshold } = incident.evidence;
  const data = useMemo(
    () => ({ at: readings.map(([ms]) => ms), mean: readings.map(([, value]) => value) }),
    [incident.incident_id, readings.length],
  );
  return (
    <Section title={t("detail.evidence")}>
      {readings.length && channel ? (
        <Chart
          data={data}
          unit={unit ?? ""}
          label={word("channel", channel)}
          threshold={threshold}
          mark={Date.parse(incident.fired_ts)}
        />
      ) : (
        <p class="muted">{t("detail.evidenceEmpty")}</p>
      )}
    </Section>
  );
}

function Timeline({ history }: { history: HistoryEntry[] | null }) {
  if (!history) return <Section title={t("detail.timeline")}>{<Skeleton rows={2} />}</Section>;
  if (!history.length) return <Empty title={t("detail.timelineEmpty")} />;
  const rows = [...history].sort((a, b) => b.event_id - a.event_id);
  return (
    <Section title={t("detail.timeline")}>
      <ol class="timeline" data-testid="timeline">
        {rows.map((entry) => (
          <li key={entry.event_id} class={`timeline-${entry.to_stage}`}>
            <div>
              <b>{word("event", entry.kind)}</b>{" "}
              <span class="muted">
                {entry.actor.replace(/^rule /, "")}
                {entry.role !== "system" && ` · ${word("role", entry.role)}`}
              </span>
              <span class="timeline-at muted num">
                <Age at={entry.at} />
              </span>
            </div>
            {entry.reason && <p>{entry.reason}</p>}
          </li>
        ))}
      </ol>
    </Section>
  );
}
