/** One component in full: its class and state, its devices with their readings, the three departments, the place. */
import type { Component } from "../api/types";
import { centreOf } from "../map/features";
import { familyOf } from "../map/palette";
import { named, t, word } from "../state/store";
import { DetailFrame } from "./detail_frame";
import { FormerDevices } from "./device_life";
import { LEFT, OpenIncidents } from "./device_panel";
import { DeviceReadings } from "./device_readings";
import { FamilyGlyph } from "./glyphs";
import { Empty, Facts, Section, Skeleton } from "./parts";
import { placeFacts } from "./place_facts";
import { useLoaded } from "./use_loaded";

export function ComponentPanel({ code }: { code: string }) {
  const { data: component, error, reload } = useLoaded<Component>(`/components/${code}`);
  const position = component && centreOf(component.geometry);
  return (
    <DetailFrame
      kind={t("detail.component")}
      code={code}
      position={position}
      error={component ? null : error}
      retry={reload}
    >
      {component ? <Body component={component} /> : <Skeleton rows={5} tall />}
    </DetailFrame>
  );
}

function Body({ component: c }: { component: Component }) {
  const standing = c.devices.filter((device) => !LEFT.has(device.state));
  return (
    <>
      <header class="detail-title">
        <FamilyGlyph family={familyOf(c.class_code)} />
        <div>
          <h2>{named(c.class_name_zh, c.class_name_en)}</h2>
          <p class="muted">{c.name}</p>
        </div>
        <span class={`stage component-${c.state}`}>{word("state", c.state)}</span>
      </header>
      {standing.map((device) => (
        <DeviceReadings key={device.label} label={device.label} first={null} linked />
      ))}
      {!standing.length && <Empty title={t("detail.noDevices")} hint={t("detail.noDevicesHint")} />}
      <OpenIncidents incidents={c.open_incidents} />
      <FormerDevices code={c.code} />
      <Section title={t("detail.component")}>
        <Facts
          rows={[
            [
              t("detail.code"),
              <span key="c" class="num">
                {c.code}
              </span>,
            ],
            [
              t("detail.class"),
              <span key="k">
                <span class="num">{c.class_code}</span> {named(c.class_name_zh, c.class_name_en)}
              </span>,
            ],
            [t("detail.competent"), c.competent ? named(c.competent.name_zh, c.competent.name_en) : "–"],
            [t("detail.ownerDept"), c.owner ? named(c.owner.name_zh, c.owner.name_en) : "–"],
            [t("detail.maintainer"), c.maintainer ? named(c.maintainer.name_zh, c.maintainer.name_en) : "–"],
            [
              t("detail.surveyed"),
              <span key="s" class="num">
                {c.surveyed_on ?? "–"}
              </span>,
            ],
            [
              t("detail.source"),
              <span key="d">
                {c.data_source}
                {c.synthetic && (
                  <>
                    {" "}
                    <span class="tag">{t("app.synthetic")}</span>
                  </>
                )}
              </span>,
            ],
            ...placeFacts(c),
          ]}
        />
      </Section>
    </>
  );
}
