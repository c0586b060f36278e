/** A place in words, from the district down to the unit grid, as rows of facts. */
import type { ComponentChildren } from "preact";
import type { Placed } from "../api/types";
import { districts, named, t } from "../state/store";

export function placeFacts(at: Placed): [string, ComponentChildren][] {
  const district = districts.value.find((area) => area.area_code === at.district_code);
  const rows: [string, string][] = [
    [t("detail.district"), district ? named(district.name_zh, district.name_en) : at.district_code],
    [t("detail.street"), named(at.street_zh, at.street_en)],
    [t("detail.community"), named(at.community_zh, at.community_en)],
    [t("detail.patrolGrid"), named(at.patrol_name_zh, at.patrol_name_en) || (at.patrol_grid_code ?? "")],
    [t("detail.unitGrid"), at.unit_grid_code ?? ""],
    [t("detail.coordinates"), `${at.lon.toFixed(5)}, ${at.lat.toFixed(5)}`],
  ];
  return rows
    .filter(([, value]) => value)
    .map(([label, value]) => [
      label,
      <span key={label} class={/^[\d., -]+$/.test(value) ? "num" : ""}>
        {value}
      </span>,
    ]);
}
