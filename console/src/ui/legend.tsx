/** The one legend: it shows what is on the map at this zoom, no more. */
import { useState } from "preact/hooks";
import { grouped } from "../lib/number";
import { COMPONENT_ZOOM } from "../map/component_layers";
import { FAMILIES } from "../map/palette";
import { summary, t, view, word } from "../state/store";
import { SEVERITIES } from "../state/view";
import { DeviceGlyph, FamilyGlyph, HealthGlyph, Icon, SeverityGlyph } from "./glyphs";

const DEVICES_FROM_ZOOM = 12;
const PROFILES = ["manhole_cover", "streetlight", "camera", "bus"];

export function Legend() {
  // the reader's choice; before there is one, it is open where it covers nothing that matters
  const [wanted, setOpen] = useState<boolean | null>(null);
  const open = wanted ?? (view.value.selection === null && matchMedia("(min-width: 1000px)").matches);
  const zoom = view.value.camera?.zoom ?? 11;
  if (!open) {
    return (
      <button type="button" class="legend legend-closed" onClick={() => setOpen(true)} title={t("legend.show")}>
        {t("legend.title")}
      </button>
    );
  }
  return (
    <section class="legend" aria-label={t("legend.title")}>
      <button
        type="button"
        class="legend-close icon-button"
        aria-label={t("legend.hide")}
        title={t("legend.hide")}
        onClick={() => setOpen(false)}
      >
        <Icon name="down" />
      </button>
      <h3>{t("legend.incidents")}</h3>
      <ul>
        {SEVERITIES.map((severity) => (
          <li key={severity}>
            <SeverityGlyph severity={severity} titled={false} /> {word("severity", severity)}
          </li>
        ))}
        <li>
          <i class="ring" aria-hidden="true" /> {t("legend.act")}
        </li>
      </ul>
      <h3>{t("legend.grids")}</h3>
      <ul class="shades">
        {["1", "2–3", "4–7", "8+"].map((range, step) => (
          <li key={range}>
            <i class={`shade shade-${step + 1}`} aria-hidden="true" /> <span class="num">{range}</span>
          </li>
        ))}
      </ul>
      {zoom >= DEVICES_FROM_ZOOM && <DeviceKey />}
      {zoom >= COMPONENT_ZOOM ? <ComponentKey /> : <Aggregates />}
    </section>
  );
}

function DeviceKey() {
  return (
    <>
      <h3>{t("legend.devices")}</h3>
      <ul>
        {PROFILES.map((profile) => (
          <li key={profile} class="health-online">
            <DeviceGlyph profile={profile} /> <span class="plain">{word("profile", profile)}</span>
          </li>
        ))}
        {(["late", "silent"] as const).map((health) => (
          <li key={health} class={`health-${health}`}>
            <HealthGlyph health={health} /> <span class="plain">{word("summary", health)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function ComponentKey() {
  return (
    <>
      <h3>{t("legend.components")}</h3>
      <ul>
        {FAMILIES.map((family) => (
          <li key={family}>
            <FamilyGlyph family={family} /> {word("family", family)}
          </li>
        ))}
        <li class="broken">
          <i class="slash" aria-hidden="true" /> {t("legend.notIntact")}
        </li>
      </ul>
    </>
  );
}

function Aggregates() {
  const total = summary.value?.components;
  return (
    <p class="muted legend-note">
      {t("legend.count")}
      {total !== undefined && (
        <>
          <br />
          {t("legend.zoomIn", { n: grouped(total) })}
        </>
      )}
    </p>
  );
}
