/** The list: filters on top, what is due first below them. */
import { adjust, loadEnded, loadIncidents } from "../state/control";
import {
  districts,
  ended,
  incidentsError,
  incidentsLoaded,
  named,
  openCounts,
  openRows,
  shownRows,
  t,
  view,
  word,
} from "../state/store";
import { type Listing, SEVERITIES } from "../state/view";
import { SeverityGlyph } from "./glyphs";
import { IncidentRow } from "./incident_row";
import { Empty, ErrorBox, Skeleton } from "./parts";

export function IncidentList() {
  const { listing } = view.value;
  return (
    <section class="list" aria-label={t("list.title")} id="incidents">
      <header class="list-head">
        <Tabs listing={listing} />
        <Filters />
      </header>
      <div class="list-body" data-testid="incident-list">
        <Rows listing={listing} />
      </div>
    </section>
  );
}

function Tabs({ listing }: { listing: Listing }) {
  const show = (next: Listing) => {
    adjust({ listing: next });
    if (next === "ended") void loadEnded();
  };
  return (
    <div class="tabs">
      <h2 class="sr-only">{t("list.title")}</h2>
      {(["open", "ended"] as const).map((which) => (
        <button key={which} type="button" class="tab" aria-pressed={listing === which} onClick={() => show(which)}>
          {t(`list.${which}`)}
          {which === "open" && <span class="tab-count num">{openRows.value.length}</span>}
        </button>
      ))}
    </div>
  );
}

function Filters() {
  const { severities, district, text } = view.value;
  const toggle = (severity: (typeof SEVERITIES)[number]) => {
    const next = severities.includes(severity) ? severities.filter((s) => s !== severity) : [...severities, severity];
    adjust({ severities: SEVERITIES.filter((s) => next.includes(s)) });
  };
  return (
    <div class="filters">
      <fieldset class="chips" aria-label={t("list.severityFilter")}>
        {SEVERITIES.map((severity) => (
          <button
            key={severity}
            type="button"
            class="chip"
            aria-pressed={severities.includes(severity)}
            onClick={() => toggle(severity)}
          >
            <SeverityGlyph severity={severity} titled={false} />
            {word("severity", severity)}
            <span class="num muted">{openCounts.value[severity]}</span>
          </button>
        ))}
      </fieldset>
      <div class="filter-line">
        <input
          type="search"
          class="field"
          value={text}
          placeholder={t("list.search")}
          aria-label={t("list.search")}
          onInput={(event) => adjust({ text: event.currentTarget.value })}
        />
        <select
          class="field"
          value={district}
          aria-label={t("detail.district")}
          onChange={(event) => adjust({ district: event.currentTarget.value })}
        >
          <option value="">{t("list.district")}</option>
          {districts.value.map((area) => (
            <option key={area.area_code} value={area.area_code}>
              {named(area.name_zh, area.name_en)}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

function Rows({ listing }: { listing: Listing }) {
  const rows = shownRows.value;
  const waiting = listing === "open" ? !incidentsLoaded.value : ended.value.loading && !ended.value.rows.length;
  if (incidentsError.value && !rows.length) {
    return <ErrorBox error={incidentsError.value} retry={() => void loadIncidents()} />;
  }
  if (waiting) return <Skeleton rows={6} />;
  if (!rows.length) return <Nothing listing={listing} />;
  return (
    <>
      <ol class="rows">
        {rows.map((incident) => (
          <IncidentRow key={incident.incident_id} incident={incident} />
        ))}
      </ol>
      {listing === "ended" && ended.value.next && (
        <button type="button" class="button more" disabled={ended.value.loading} onClick={() => void loadEnded(true)}>
          {t("list.more")}
        </button>
      )}
    </>
  );
}

function Nothing({ listing }: { listing: Listing }) {
  const hidden = listing === "open" ? openRows.value.length : ended.value.rows.length;
  if (hidden) {
    return (
      <Empty title={t("list.emptyFilter")} hint={t("list.emptyFilterHint", { n: hidden })}>
        <button type="button" class="button" onClick={() => adjust({ severities: [], district: "", text: "" })}>
          {t("list.clear")}
        </button>
      </Empty>
    );
  }
  return listing === "open" ? (
    <Empty title={t("list.emptyOpen")} hint={t("list.emptyOpenHint")} />
  ) : (
    <Empty title={t("list.emptyEnded")} hint={t("list.emptyEndedHint")} />
  );
}
