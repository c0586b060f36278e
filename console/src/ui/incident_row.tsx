/** One incident in the list: what, where, the number, how long is left, who has it. */
import type { Incident } from "../api/types";
import { explanation, silence } from "../lib/explain";
import { span } from "../lib/time";
import { select } from "../state/control";
import { mustAct } from "../state/incidents";
import { cursor, lang, named, nowMs, t, view, word } from "../state/store";
import { SeverityGlyph } from "./glyphs";
import { Age, DeadlineBar } from "./parts";

export function place(incident: Incident): string {
  const street = named(incident.street_zh, incident.street_en);
  const community = named(incident.community_zh, incident.community_en);
  const patrol = named(incident.patrol_name_zh, incident.patrol_name_en);
  const parts = [street, community, patrol || incident.unit_grid_code].filter(Boolean);
  return parts.join(" · ");
}

export function Explained({ incident }: { incident: Incident }) {
  const number = explanation(incident.evidence);
  const silent = silence(incident.evidence);
  if (silent !== null) return <b class="because">{t("list.silentFor", { span: span(silent * 1000, lang.value) })}</b>;
  if (!number) return <span class="because muted">{t("list.noEvidence")}</span>;
  return (
    <span class="because">
      <span class="muted">{word("channel", number.channel)}</span> <b class="num">{number.value}</b>
      {number.limit && <span class="num muted"> {number.limit}</span>}
      {number.forSeconds > 0 && (
        <span class="muted"> {t("list.for", { span: span(number.forSeconds * 1000, lang.value) })}</span>
      )}
    </span>
  );
}

export function IncidentRow({ incident }: { incident: Incident }) {
  const chosen = view.value.selection?.kind === "incident" && view.value.selection.id === incident.incident_id;
  const under = cursor.value === incident.incident_id;
  const acting = mustAct(incident, nowMs.value);
  const classes = ["row", chosen && "row-chosen", under && "row-cursor", acting && `row-act edge-${incident.severity}`];
  return (
    <li>
      <button
        type="button"
        id={`incident-${incident.incident_id}`}
        class={classes.filter(Boolean).join(" ")}
        aria-current={chosen ? "true" : undefined}
        onClick={() => select({ kind: "incident", id: incident.incident_id })}
      >
        <span class="row-top">
          <SeverityGlyph severity={incident.severity} />
          <span class="row-title">{named(incident.title_zh, incident.title_en)}</span>
          <span class={`stage stage-${incident.stage}`}>{word("stage", incident.stage)}</span>
        </span>
        <span class="row-place">{place(incident)}</span>
        <span class="row-line">
          <Explained incident={incident} />
          <span class="row-age muted num">
            <Age at={incident.opened_at} />
          </span>
        </span>
        <span class="row-line">
          <DeadlineBar incident={incident} />
          <span class="row-owner">
            {incident.assignee ??
              (acting && incident.stage === "reported"
                ? t("list.unassigned")
                : named(incident.department_zh, incident.department_en))}
          </span>
        </span>
      </button>
    </li>
  );
}
