/** A shaded map: where its classes begin, their colours, how it is drawn. Pure. */
import type { StyleSpecification } from "maplibre-gl";
import type { Palette } from "../map/palette";
import { layers } from "../map/specification";

/** Viridis, from low to high: told apart by the colour-blind, and in grey. Source: matplotlib. */
const VIRIDIS = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"] as const;
/** Where nothing is sensed; paler where there is nothing to sense. */
export const NONE = "#8d9aa5";
const CLASSES = VIRIDIS.length;
const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
const EMPTY_OPACITY = 0.25;

/** On a light ground dark is much, on a dark one bright is. */
export function colours(isDark: boolean): readonly string[] {
  return isDark ? VIRIDIS : [...VIRIDIS].reverse();
}

/** Lower bounds of at most `CLASSES` classes with about as many values each, rounded to be read; zero is no class. */
export function breaks(values: readonly number[]): number[] {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const wanted = Array.from({ length: CLASSES }, (_, at) => sorted[Math.floor((at * sorted.length) / CLASSES)] ?? 0);
  const rounded = wanted.map((value, at) => (at === 0 ? 0 : Number(value.toPrecision(2))));
  return sorted.length ? [...new Set(rounded)] : [];
}

/** The class a value is in: -1 = nothing. */
export function classOf(value: number, bounds: readonly number[]): number {
  return value > 0 ? bounds.findLastIndex((bound) => value >= bound) : -1;
}

/** The colour of a class; few classes are spread over the whole scale. */
export function colourOf(number: number, count: number, scale: readonly string[]): string {
  if (number < 0) return NONE;
  const at = count === 1 ? scale.length - 1 : Math.round((number * (scale.length - 1)) / (count - 1));
  return scale[at] ?? NONE;
}

export function style(c: Palette): StyleSpecification {
  const line = (width: number, colour: string) => ({ "line-color": colour, "line-width": width });
  return {
    version: 8,
    sources: { patrol: { type: "geojson", data: EMPTY } },
    layers: layers([
      { id: "ground", type: "background", paint: { "background-color": c.ground } },
      {
        id: "shade",
        type: "fill",
        source: "patrol",
        paint: { "fill-color": ["get", "colour"], "fill-opacity": ["case", ["get", "has"], 0.85, EMPTY_OPACITY] },
      },
      { id: "edge", type: "line", source: "patrol", paint: line(0.6, c.ground) },
      { id: "chosen", type: "line", source: "patrol", filter: ["==", ["get", "key"], ""], paint: line(3, c.selected) },
    ]),
  };
}

/** West, south, east, north of all rings; null when nothing is drawn. */
export function boxOf(features: GeoJSON.FeatureCollection): [number, number, number, number] | null {
  const box: [number, number, number, number] = [180, 90, -180, -90];
  const take = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [lon, lat] = part as number[];
    if (typeof lon === "number" && typeof lat === "number") {
      box[0] = Math.min(box[0], lon);
      box[1] = Math.min(box[1], lat);
      box[2] = Math.max(box[2], lon);
      box[3] = Math.max(box[3], lat);
    } else for (const inner of part) take(inner);
  };
  for (const feature of features.features) if ("coordinates" in feature.geometry) take(feature.geometry.coordinates);
  return box[0] <= box[2] ? box : null;
}
