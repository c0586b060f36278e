/** What lives on top: devices, the chosen thing, incidents (grouped far out, with their number). */
import type { LayerSpecification } from "maplibre-gl";
import { FONT_BOLD } from "./lettering";
import type { Palette } from "./palette";
import { layers } from "./specification";

const DEVICE_ICON_ZOOM = 14.5;

export const DEVICE_HIT_LAYERS = ["device-icon"];
export const INCIDENT_HIT_LAYERS = ["incident"];
/** Buses are drawn by their own layer, put right before this one. */
export const BUSES_BEFORE = "chosen-ring";

export function liveLayers(c: Palette): LayerSpecification[] {
  const one = ["!", ["has", "point_count"]];
  const worst = ["match", ["get", "severity"], "critical", c.severity.critical, "major", c.severity.major];
  const severity = [...worst, "minor", c.severity.minor, c.severity.info];
  return layers([
    {
      id: "incident-area",
      type: "fill",
      source: "incident-shapes",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": severity, "fill-opacity": 0.18 },
    },
    {
      id: "incident-line",
      type: "line",
      source: "incident-shapes",
      layout: { "line-join": "round", "line-cap": "round" },
      paint: { "line-color": severity, "line-width": 2.5, "line-opacity": 0.9 },
    },
    {
      id: "device-dot",
      type: "circle",
      source: "devices",
      minzoom: 12,
      maxzoom: DEVICE_ICON_ZOOM,
      paint: {
        "circle-color": ["match", ["get", "health"], "online", c.health.online, "late", c.health.late, c.health.silent],
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 12, 1.1, 14.5, 3],
        "circle-opacity": ["interpolate", ["linear"], ["zoom"], 12, 0.45, 14.5, 0.95],
      },
    },
    {
      id: "device-icon",
      type: "symbol",
      source: "devices",
      minzoom: DEVICE_ICON_ZOOM,
      layout: {
        "icon-image": [
          "coalesce",
          ["image", ["concat", "device-", ["get", "profile"], "-", ["get", "health"]]],
          ["image", ["concat", "device-manhole_cover-", ["get", "health"]]],
        ],
        "icon-size": ["interpolate", ["linear"], ["zoom"], 14.5, 0.7, 17, 1.1],
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
    },
    {
      id: "chosen-ring",
      type: "circle",
      source: "chosen",
      paint: {
        "circle-radius": 16,
        "circle-color": c.selected,
        "circle-opacity": 0.14,
        "circle-stroke-color": c.selected,
        "circle-stroke-width": 2,
      },
    },
    {
      id: "incident-group",
      type: "circle",
      source: "incidents",
      filter: ["has", "point_count"],
      paint: {
        "circle-color": [
          "match",
          ["get", "worst"],
          4,
          c.severity.critical,
          3,
          c.severity.major,
          2,
          c.severity.minor,
          c.severity.info,
        ],
        "circle-radius": ["interpolate", ["linear"], ["sqrt", ["get", "point_count"]], 1, 9, 10, 20],
        "circle-stroke-color": c.halo,
        "circle-stroke-width": 2,
      },
    },
    {
      id: "incident-group-count",
      type: "symbol",
      source: "incidents",
      filter: ["has", "point_count"],
      layout: {
        "text-field": ["to-string", ["get", "point_count"]],
        "text-font": FONT_BOLD,
        "text-size": 12,
        "text-allow-overlap": true,
      },
      paint: { "text-color": c.onSeverity },
    },
    {
      id: "incident",
      type: "symbol",
      source: "incidents",
      filter: one,
      layout: {
        "icon-image": ["concat", "incident-", ["get", "severity"]],
        "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.75, 15, 1],
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
        "symbol-sort-key": ["get", "rank"],
      },
    },
  ]);
}
