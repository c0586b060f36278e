/** Components as vector tiles: counts per grid far out, dots by class family, then shapes that also show the state. */
import type { LayerSpecification } from "maplibre-gl";
import { FONT, textPaint } from "./lettering";
import { byFamily, FAMILIES, type Family, type Palette } from "./palette";
import { layers } from "./specification";

/** From this zoom on the components themselves are in the tiles; below it counts per grid. */
export const COMPONENT_ZOOM = 14;
const SHAPE_ZOOM = 16;

export const COMPONENT_HIT_LAYERS = ["component-dot", "component-shape", "component-line", "component-area"];

export function componentLayers(c: Palette): LayerSpecification[] {
  const of = { source: "components", "source-layer": "components" };
  const counts = { source: "components", "source-layer": "component_counts", maxzoom: COMPONENT_ZOOM };
  const points = ["==", ["geometry-type"], "Point"];
  const colour = stateColour(c);
  return layers([
    {
      id: "count-dot",
      type: "circle",
      ...counts,
      paint: {
        "circle-color": c.count,
        "circle-opacity": ["interpolate", ["linear"], ["zoom"], 10, 0.08, 12.5, 0.2],
        "circle-radius": ["interpolate", ["linear"], ["sqrt", ["to-number", ["get", "count"]]], 1, 1, 10, 6, 60, 13],
      },
    },
    {
      id: "count-text",
      type: "symbol",
      ...counts,
      layout: {
        "text-field": shortCount(),
        "text-font": FONT,
        "text-size": 9.5,
        "text-padding": ["interpolate", ["linear"], ["zoom"], 10, 12, 12.6, 2],
      },
      paint: { ...textPaint(c.labelSoft, c.halo), "text-halo-width": 1 },
    },
    {
      id: "component-area",
      type: "fill",
      ...of,
      minzoom: COMPONENT_ZOOM,
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": colour, "fill-opacity": 0.14, "fill-outline-color": colour },
    },
    {
      id: "component-line",
      type: "line",
      ...of,
      minzoom: COMPONENT_ZOOM,
      filter: ["==", ["geometry-type"], "LineString"],
      paint: { "line-color": colour, "line-width": ["interpolate", ["linear"], ["zoom"], 14, 0.8, 18, 2.5] },
    },
    {
      id: "component-dot",
      type: "circle",
      ...of,
      minzoom: COMPONENT_ZOOM,
      maxzoom: SHAPE_ZOOM,
      filter: points,
      paint: {
        "circle-color": colour,
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 14, 0.8, 15, 1.5, 16, 2.6],
        "circle-opacity": ["interpolate", ["linear"], ["zoom"], 14, 0.5, 16, 0.9],
      },
    },
    {
      id: "component-shape",
      type: "symbol",
      ...of,
      minzoom: SHAPE_ZOOM,
      filter: points,
      layout: {
        "icon-image": ["concat", "component-", byFamily(familyNames()), ["case", isBroken(), "-broken", "-ok"]],
        "icon-size": ["interpolate", ["linear"], ["zoom"], 16, 0.62, 18, 1.15],
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
    },
  ]);
}

/** 847, 3.1k: short enough to stand in its circle. */
function shortCount(): unknown[] {
  const count = ["to-number", ["get", "count"]];
  const thousands = ["number-format", ["/", count, 1000], { "max-fraction-digits": 1 }];
  return ["case", [">=", count, 1000], ["concat", thousands, "k"], ["to-string", count]];
}

function isBroken(): unknown[] {
  return ["in", ["get", "state"], ["literal", ["damaged", "missing"]]];
}

function stateColour(c: Palette): unknown[] {
  return ["case", isBroken(), c.broken, byFamily(c.family)];
}

function familyNames(): Record<Family, string> {
  return Object.fromEntries(FAMILIES.map((family) => [family, family])) as Record<Family, string>;
}
