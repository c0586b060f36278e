/** The map of the place: our own tiles, the components around by their numbers in the list, and the mark to drag. */
import { type GeoJSONSource, Map as GlMap, Marker, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { Lang } from "../lib/time";
import { icons } from "../map/icons";
import { FONT_BOLD } from "../map/lettering";
import { type Palette, palette } from "../map/palette";
import { restyle } from "../map/restyle";
import { layers } from "../map/specification";
import { cityStyle } from "../map/style";
import type { Theme } from "../page/state";
import { ring } from "./distance";
import type { Near, Position } from "./types";

setWorkerUrl(workerUrl);

const ZOOM = 17.6;
const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
/** Tangshan, until the phone knows better. */
const START: [number, number] = [118.18, 39.63];

export interface Handlers {
  picked: (code: string) => void;
  put: (lon: number, lat: number) => void;
}

export class FieldMap {
  private readonly gl: GlMap;
  private readonly mark: Marker;
  private readonly ready: Promise<void>;
  private theme: Theme;
  private lang: Lang;
  private placed = false;
  private dragging = false;

  constructor(container: HTMLElement, theme: Theme, lang: Lang, handlers: Handlers) {
    this.theme = theme;
    this.lang = lang;
    this.gl = new GlMap({
      container,
      style: style(theme, lang),
      center: START,
      zoom: ZOOM,
      minZoom: 12,
      maxZoom: 20,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      localIdeographFontFamily: false,
      cooperativeGestures: false,
    });
    this.gl.touchZoomRotate.disableRotation();
    this.gl.keyboard.disableRotation();
    this.gl.on("error", () => undefined);
    this.mark = new Marker({ element: markElement(), draggable: true });
    this.mark.on("dragstart", () => {
      this.dragging = true;
    });
    this.mark.on("dragend", () => {
      this.dragging = false;
      const { lng, lat } = this.mark.getLngLat();
      handlers.put(lng, lat);
    });
    this.ready = new Promise((done) => {
      this.gl.once("style.load", () => {
        this.addIcons(palette(theme));
        done();
      });
    });
    this.gl.on("click", (event) => {
      const { x, y } = event.point;
      const hits = this.gl.queryRenderedFeatures(
        [
          [x - 18, y - 18],
          [x + 18, y + 18],
        ],
        { layers: ["near-spot"] },
      );
      if (hits[0]) handlers.picked(String(hits[0].properties.code));
    });
    // the first mark stands where the map was opened, so that somebody without a position can drag it
    this.mark.setLngLat(START).addTo(this.gl);
  }

  destroy(): void {
    this.gl.remove();
  }

  dress(theme: Theme, lang: Lang): void {
    if (theme === this.theme && lang === this.lang) return;
    this.theme = theme;
    this.lang = lang;
    void this.ready.then(() => {
      this.addIcons(palette(theme));
      restyle(this.gl, style(theme, lang));
    });
  }

  showPosition(here: Position | null): void {
    if (!here || this.dragging) return;
    this.mark.setLngLat([here.lon, here.lat]);
    if (!this.placed) this.gl.jumpTo({ center: [here.lon, here.lat], zoom: ZOOM });
    this.placed = true;
    const circle: GeoJSON.Feature = {
      type: "Feature",
      properties: {},
      geometry: { type: "Polygon", coordinates: [ring(here, here.accuracy_m)] },
    };
    this.setData("accuracy", circle);
  }

  showNear(shown: readonly Near[], chosen: string): void {
    const features = shown.map((one, index): GeoJSON.Feature => {
      const properties = { code: one.code, number: String(index + 1), chosen: one.code === chosen };
      return { type: "Feature", properties, geometry: { type: "Point", coordinates: [one.lon, one.lat] } };
    });
    this.setData("near", { type: "FeatureCollection", features });
  }

  private setData(source: string, data: GeoJSON.GeoJSON): void {
    void this.ready.then(() => (this.gl.getSource(source) as GeoJSONSource | undefined)?.setData(data));
  }

  private addIcons(colours: Palette): void {
    for (const { id, image } of icons(colours)) {
      if (this.gl.hasImage(id)) this.gl.updateImage(id, image);
      else this.gl.addImage(id, image, { pixelRatio: 2 });
    }
  }
}

function style(theme: Theme, lang: Lang) {
  const c = palette(theme);
  const base = cityStyle(c, lang, location.origin);
  const own = layers([
    {
      id: "accuracy",
      type: "fill",
      source: "accuracy",
      paint: { "fill-color": c.selected, "fill-opacity": 0.14, "fill-outline-color": c.selected },
    },
    {
      id: "near-spot",
      type: "circle",
      source: "near",
      paint: {
        "circle-radius": ["case", ["get", "chosen"], 13, 10],
        "circle-color": ["case", ["get", "chosen"], c.selected, c.district],
        "circle-stroke-color": c.selected,
        "circle-stroke-width": 1.6,
      },
    },
    {
      id: "near-number",
      type: "symbol",
      source: "near",
      layout: {
        "text-field": ["get", "number"],
        "text-font": FONT_BOLD,
        "text-size": 12,
        "text-allow-overlap": true,
        "text-ignore-placement": true,
      },
      paint: { "text-color": ["case", ["get", "chosen"], c.onSeverity, c.label] },
    },
  ]);
  return {
    ...base,
    sources: {
      ...base.sources,
      near: { type: "geojson" as const, data: EMPTY },
      accuracy: { type: "geojson" as const, data: EMPTY },
    },
    layers: [...base.layers, ...own],
  };
}

function markElement(): HTMLElement {
  const element = document.createElement("div");
  element.className = "here-mark";
  return element;
}
