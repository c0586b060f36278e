/**
 * The map's style: our own tiles and nothing else. No `glyphs`: MapLibre then draws text with the machine's fonts, so
 * Chinese and Latin labels work without a network.
 */
import type { LayerSpecification, StyleSpecification } from "maplibre-gl";
import type { Lang } from "../lib/time";
import { componentLayers } from "./component_layers";
import { FONT, FONT_BOLD, textPaint } from "./lettering";
import { liveLayers } from "./live_layers";
import type { Palette } from "./palette";
import { layers } from "./specification";

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

export function cityStyle(colours: Palette, lang: Lang, origin: string): StyleSpecification {
  const tiles = (kind: string) => [`${origin}/api/v1/tiles/${kind}/{z}/{x}/{y}.mvt`];
  return {
    version: 8,
    sources: {
      districts: { type: "geojson", data: EMPTY },
      patrol: { type: "geojson", data: EMPTY },
      grids: {
        type: "vector",
        tiles: tiles("grids"),
        minzoom: 9,
        maxzoom: 15,
        promoteId: { unit_grids: "code", patrol_grids: "code" },
      },
      components: { type: "vector", tiles: tiles("components"), minzoom: 9, maxzoom: 16 },
      devices: { type: "geojson", data: EMPTY },
      chosen: { type: "geojson", data: EMPTY },
      "incident-shapes": { type: "geojson", data: EMPTY },
      incidents: {
        type: "geojson",
        data: EMPTY,
        cluster: true,
        clusterMaxZoom: 12,
        clusterRadius: 34,
        clusterProperties: { worst: ["max", ["get", "rank"]] },
      },
    },
    layers: [
      ...groundLayers(colours),
      ...gridLayers(colours),
      ...streetLayers(colours, lang),
      ...componentLayers(colours),
      ...labelLayers(colours, lang),
      ...liveLayers(colours),
    ],
  };
}

export function nameField(lang: Lang): ["coalesce", ["get", string], ["get", string], ["get", string]] {
  const other = lang === "zh" ? "en" : "zh";
  return ["coalesce", ["get", `name_${lang}`], ["get", `name_${other}`], ["get", "name"]];
}

function groundLayers(c: Palette): LayerSpecification[] {
  return layers([
    { id: "ground", type: "background", paint: { "background-color": c.ground } },
    { id: "district", type: "fill", source: "districts", paint: { "fill-color": c.district } },
  ]);
}

function shadeOpacity(strength: number): unknown[] {
  const open = ["coalesce", ["feature-state", "open"], 0];
  return ["step", open, 0, 1, 0.2 * strength, 2, 0.34 * strength, 4, 0.48 * strength, 8, 0.62 * strength];
}

function gridLayers(c: Palette): LayerSpecification[] {
  const fade = (from: number, to: number) => ["interpolate", ["linear"], ["zoom"], from, 0, to, 1];
  return layers([
    {
      id: "patrol-shade",
      type: "fill",
      source: "grids",
      "source-layer": "patrol_grids",
      maxzoom: 13,
      paint: { "fill-color": c.shade, "fill-opacity": shadeOpacity(1) },
    },
    {
      id: "unit-shade",
      type: "fill",
      source: "grids",
      "source-layer": "unit_grids",
      minzoom: 13,
      paint: { "fill-color": c.shade, "fill-opacity": shadeOpacity(1) },
    },
    {
      id: "unit-line",
      type: "line",
      source: "grids",
      "source-layer": "unit_grids",
      minzoom: 13,
      paint: { "line-color": c.gridLine, "line-width": 0.8, "line-opacity": fade(13, 14.2) },
    },
    {
      id: "patrol-line",
      type: "line",
      source: "grids",
      "source-layer": "patrol_grids",
      minzoom: 10.5,
      paint: {
        "line-color": c.patrolLine,
        "line-width": ["interpolate", ["linear"], ["zoom"], 11, 0.7, 16, 2],
        "line-opacity": fade(10.5, 11.5),
      },
    },
  ]);
}

function streetLayers(c: Palette, lang: Lang): LayerSpecification[] {
  const byKind = (main: number, side: number) => ["match", ["get", "kind"], "main", main, side];
  const width = (rim: number) => {
    const stops = [10, byKind(0.6 + rim, 0.2 + rim), 14, byKind(2.4 + rim, 1 + rim), 18, byKind(20 + rim, 9 + rim)];
    return ["interpolate", ["exponential", 1.6], ["zoom"], ...stops];
  };
  const of = { source: "grids", "source-layer": "streets" };
  return layers([
    {
      id: "street-case",
      type: "line",
      ...of,
      minzoom: 13,
      paint: { "line-color": c.streetCase, "line-width": width(1.6) },
    },
    { id: "street", type: "line", ...of, paint: { "line-color": c.street, "line-width": width(0) } },
    {
      id: "district-line",
      type: "line",
      source: "districts",
      paint: { "line-color": c.districtLine, "line-width": 1.4, "line-dasharray": [4, 2, 1, 2] },
    },
    {
      id: "street-name",
      type: "symbol",
      ...of,
      minzoom: 13.5,
      // lanes say their names only where there is room
      filter: ["any", ["==", ["get", "kind"], "main"], [">=", ["zoom"], 15.4]],
      layout: {
        "symbol-placement": "line",
        "symbol-spacing": 380,
        "text-field": nameField(lang),
        "text-font": FONT,
        "text-size": 11,
      },
      paint: textPaint(c.labelSoft, c.halo),
    },
  ]);
}

function labelLayers(c: Palette, lang: Lang): LayerSpecification[] {
  return layers([
    {
      id: "unit-name",
      type: "symbol",
      source: "grids",
      "source-layer": "unit_grids",
      minzoom: 16.5,
      layout: { "text-field": ["get", "code"], "text-font": FONT, "text-size": 10, "symbol-sort-key": 9 },
      paint: textPaint(c.labelSoft, c.halo),
    },
    {
      id: "patrol-name",
      type: "symbol",
      source: "patrol",
      minzoom: 12.6,
      maxzoom: 16.5,
      layout: { "text-field": nameField(lang), "text-font": FONT, "text-size": 11, "text-max-width": 7 },
      paint: textPaint(c.labelSoft, c.halo),
    },
    {
      id: "district-name",
      type: "symbol",
      source: "districts",
      maxzoom: 14,
      layout: {
        "text-field": nameField(lang),
        "text-font": FONT_BOLD,
        "text-size": ["interpolate", ["linear"], ["zoom"], 9, 12, 13, 17],
        "text-letter-spacing": lang === "zh" ? 0.25 : 0.06,
      },
      paint: textPaint(c.label, c.halo),
    },
  ]);
}
