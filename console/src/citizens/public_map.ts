/** The map of the page `/citizens`: the public tiles and nothing else; the listed places larger than the rest. */
import { AttributionControl, type GeoJSONSource, Map as GlMap, type MapMouseEvent, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { StyleSpecification } from "maplibre-gl";
import type { Lang } from "../lib/time";
import { FONT, textPaint } from "../map/lettering";
import { type Palette, palette } from "../map/palette";
import { restyle } from "../map/restyle";
import { layers } from "../map/specification";
import { nameField } from "../map/style";
import type { Theme } from "../page/state";
import { type Box, type Place, type Position, sameAs } from "./state";

setWorkerUrl(workerUrl);

const START: Position = [118.18, 39.63];
const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
const FINGER_PX = 12;

export class PublicMap {
  private readonly gl: GlMap;
  private readonly ready: Promise<void>;
  private kind = "";

  constructor(
    container: HTMLElement,
    theme: Theme,
    lang: Lang,
    moved: (middle: Position) => void,
    picked: (at: number) => void,
  ) {
    this.gl = new GlMap({
      container,
      style: publicStyle(palette(theme), lang),
      center: START,
      zoom: 11.5,
      minZoom: 8,
      maxZoom: 19,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      localIdeographFontFamily: false,
    });
    this.gl.touchZoomRotate.disableRotation();
    this.gl.keyboard.disableRotation();
    this.gl.addControl(new AttributionControl({ compact: true, customAttribution: [] }));
    this.ready = new Promise((done) => this.gl.once("style.load", () => done()));
    // only where the reader goes: a flight to a chosen place leaves the list as it is
    this.gl.on("moveend", (event) => {
      if ("originalEvent" in event && event.originalEvent) moved(this.middle());
    });
    this.gl.on("click", (event) => this.clicked(event, picked));
    // a tile that fails is asked for again with the next move
    this.gl.on("error", () => undefined);
  }

  destroy(): void {
    this.gl.remove();
  }

  middle(): Position {
    const { lng, lat } = this.gl.getCenter();
    return [lng, lat];
  }

  dress(theme: Theme, lang: Lang): void {
    void this.ready.then(() => {
      restyle(this.gl, publicStyle(palette(theme), lang));
      this.filter(this.kind);
    });
  }

  fit(box: Box, glides: boolean): void {
    this.gl.fitBounds(box, { padding: 48, maxZoom: 16.5, animate: glides, duration: 600 });
  }

  show(places: readonly Place[], chosen: Place | null, here: Position | null): void {
    void this.ready.then(() => {
      this.set(
        "listed",
        places.map((place, at) => point([place.lon, place.lat], { at, chosen: sameAs(place, chosen) })),
      );
      this.set("here", here ? [point(here, {})] : []);
    });
  }

  /** Show places of one kind; "" = of all. */
  filter(kind: string): void {
    this.kind = kind;
    void this.ready.then(() => this.gl.setFilter("place", kind ? ["==", ["get", "kind"], kind] : null));
  }

  goTo(position: Position, glides: boolean): void {
    this.gl.easeTo({ center: position, zoom: Math.max(this.gl.getZoom(), 15.5), duration: glides ? 600 : 0 });
  }

  private set(source: string, features: GeoJSON.Feature[]): void {
    (this.gl.getSource(source) as GeoJSONSource | undefined)?.setData({ type: "FeatureCollection", features });
  }

  private clicked(event: MapMouseEvent, picked: (at: number) => void): void {
    const { x, y } = event.point;
    const hit = this.gl.queryRenderedFeatures(
      [
        [x - FINGER_PX, y - FINGER_PX],
        [x + FINGER_PX, y + FINGER_PX],
      ],
      { layers: ["listed"] },
    )[0];
    if (hit) picked(Number(hit.properties.at));
  }
}

function point(position: Position, properties: Record<string, unknown>): GeoJSON.Feature {
  return { type: "Feature", properties, geometry: { type: "Point", coordinates: position } };
}

export function publicStyle(c: Palette, lang: Lang, origin = location.origin): StyleSpecification {
  const tiled = (layer: string) => ({ source: "public", "source-layer": layer });
  const width = (rim: number) => {
    const side = (main: number, lane: number) => ["match", ["get", "kind"], "main", main + rim, lane + rim];
    return ["interpolate", ["exponential", 1.6], ["zoom"], 10, side(0.6, 0.2), 14, side(2.4, 1), 18, side(20, 9)];
  };
  const grow = (small: number) => ["interpolate", ["linear"], ["zoom"], 11, small * 0.6, 15, small, 18, small * 1.6];
  return {
    version: 8,
    sources: {
      public: { type: "vector", tiles: [`${origin}/api/v1/public/tiles/{z}/{x}/{y}.mvt`], minzoom: 9, maxzoom: 16 },
      listed: { type: "geojson", data: EMPTY },
      here: { type: "geojson", data: EMPTY },
    },
    layers: layers([
      { id: "ground", type: "background", paint: { "background-color": c.ground } },
      { id: "district", type: "fill", ...tiled("districts"), paint: { "fill-color": c.district } },
      { id: "grid-line", type: "line", ...tiled("grids"), paint: { "line-color": c.gridLine, "line-width": 0.6 } },
      {
        id: "street-case",
        type: "line",
        ...tiled("streets"),
        minzoom: 13,
        paint: { "line-color": c.streetCase, "line-width": width(1.6) },
      },
      { id: "street", type: "line", ...tiled("streets"), paint: { "line-color": c.street, "line-width": width(0) } },
      {
        id: "district-line",
        type: "line",
        ...tiled("districts"),
        paint: { "line-color": c.districtLine, "line-width": 1.2, "line-dasharray": [4, 2, 1, 2] },
      },
      {
        id: "street-name",
        type: "symbol",
        ...tiled("streets"),
        minzoom: 13.5,
        filter: ["any", ["==", ["get", "kind"], "main"], [">=", ["zoom"], 15.4]],
        layout: { "symbol-placement": "line", "text-field": nameField(lang), "text-font": FONT, "text-size": 11 },
        paint: textPaint(c.labelSoft, c.halo),
      },
      {
        id: "place",
        type: "circle",
        ...tiled("places"),
        minzoom: 13,
        paint: { "circle-color": c.selected, "circle-opacity": 0.45, "circle-radius": grow(3) },
      },
      {
        id: "listed",
        type: "circle",
        source: "listed",
        paint: {
          "circle-color": ["case", ["get", "chosen"], c.shade, c.selected],
          "circle-radius": [
            "interpolate",
            ["linear"],
            ["zoom"],
            11,
            ["case", ["get", "chosen"], 8, 4],
            16,
            ["case", ["get", "chosen"], 13, 8],
          ],
          "circle-stroke-color": c.halo,
          "circle-stroke-width": 1.5,
        },
      },
      {
        id: "here",
        type: "circle",
        source: "here",
        paint: {
          "circle-color": c.severity.critical,
          "circle-radius": 7,
          "circle-stroke-color": c.onSeverity,
          "circle-stroke-width": 3,
        },
      },
    ]),
  };
}
