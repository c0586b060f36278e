/** The map itself: makes it, keeps it in step with the state, and says what was clicked. Knows MapLibre; no texts. */
import {
  AttributionControl,
  type GeoJSONSource,
  Map as GlMap,
  type LngLatBoundsLike,
  type MapGeoJSONFeature,
  type MapMouseEvent,
  type PointLike,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { Incident, LiveRow } from "../api/types";
import type { Lang } from "../lib/time";
import { BusLayer } from "./buses";
import { COMPONENT_HIT_LAYERS } from "./component_layers";
import { type Box, devicePoints, incidentPoints, incidentShapes, isMoving } from "./features";
import { icons } from "./icons";
import { BUSES_BEFORE, DEVICE_HIT_LAYERS, INCIDENT_HIT_LAYERS } from "./live_layers";
import type { Palette } from "./palette";
import { Pulses } from "./pulse";
import { restyle } from "./restyle";
import { cityStyle } from "./style";

setWorkerUrl(workerUrl);

export interface Camera {
  lon: number;
  lat: number;
  zoom: number;
}

export interface MapHandlers {
  moved(camera: Camera): void;
  incident(id: number): void;
  device(label: string): void;
  component(code: string): void;
  nothing(): void;
}

export interface Looks {
  colours: Palette;
  lang: Lang;
  glides: () => boolean;
}

/** Where a first look goes before the city's outline is known: Tangshan. */
const START: Camera = { lon: 118.18, lat: 39.63, zoom: 11.4 };
const TOUCH_PX = 6;

export class CityMap {
  readonly gl: GlMap;
  private readonly buses: BusLayer;
  private readonly pulses: Pulses;
  private shaded = { patrol_grids: new Set<string>(), unit_grids: new Set<string>() };
  private acting: readonly Incident[] = [];
  private standing: readonly LiveRow[] = [];
  private home: Box | null = null;
  readonly ready: Promise<void>;

  constructor(container: HTMLElement, looks: Looks, camera: Camera | null, handlers: MapHandlers) {
    const { lon, lat, zoom } = camera ?? START;
    this.gl = new GlMap({
      container,
      style: cityStyle(looks.colours, looks.lang, location.origin),
      center: [lon, lat],
      zoom,
      minZoom: 8,
      maxZoom: 19.5,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: looks.glides() ? 150 : 0,
      localIdeographFontFamily: false,
    });
    this.gl.touchZoomRotate.disableRotation();
    this.gl.keyboard.disableRotation();
    this.gl.addControl(new AttributionControl({ compact: true, customAttribution: [] }));
    this.buses = new BusLayer(looks.colours, looks.glides);
    this.pulses = new Pulses(this.gl);
    this.ready = new Promise((done) => {
      this.gl.once("style.load", () => {
        this.addIcons(looks.colours);
        this.gl.addLayer(this.buses, BUSES_BEFORE);
        done();
      });
    });
    this.listen(handlers);
  }

  destroy(): void {
    this.gl.remove();
  }

  dress(looks: Looks): void {
    void this.ready.then(() => {
      this.addIcons(looks.colours);
      restyle(this.gl, cityStyle(looks.colours, looks.lang, location.origin));
      this.buses.recolour(looks.colours);
    });
  }

  setData(
    source: "districts" | "patrol" | "incidents" | "incident-shapes" | "devices" | "chosen",
    data: GeoJSON.GeoJSON,
  ): void {
    void this.ready.then(() => (this.gl.getSource(source) as GeoJSONSource | undefined)?.setData(data));
  }

  setIncidents(rows: readonly Incident[], acting: readonly Incident[]): void {
    this.setData("incidents", incidentPoints(rows));
    this.setData("incident-shapes", incidentShapes(rows));
    this.acting = acting;
    void this.ready.then(() => this.pulses.show(acting));
  }

  setDevices(rows: ReadonlyMap<string, LiveRow>): void {
    const all = [...rows.values()];
    this.buses.take(all.filter(isMoving));
    // vehicles report every second; what stands is drawn anew only when something about it changed
    const standing = all.filter((row) => !isMoving(row));
    const same = standing.length === this.standing.length && standing.every((row, i) => row === this.standing[i]);
    if (same) return;
    this.standing = standing;
    this.setData("devices", devicePoints(standing));
  }

  shade(layer: "patrol_grids" | "unit_grids", counts: ReadonlyMap<string, number>): void {
    void this.ready.then(() => {
      for (const id of this.shaded[layer]) {
        if (!counts.has(id)) this.gl.removeFeatureState({ source: "grids", sourceLayer: layer, id }, "open");
      }
      for (const [id, open] of counts) this.gl.setFeatureState({ source: "grids", sourceLayer: layer, id }, { open });
      this.shaded[layer] = new Set(counts.keys());
    });
  }

  choose(position: [number, number] | null): void {
    const features: GeoJSON.Feature[] = position
      ? [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: position } }]
      : [];
    this.setData("chosen", { type: "FeatureCollection", features });
  }

  /** Bring a position into view without taking the reader further out than he is. */
  goTo(position: [number, number], animate: boolean): void {
    const zoom = Math.max(this.gl.getZoom(), 15.6);
    this.gl.easeTo({ center: position, zoom, duration: animate ? 700 : 0 });
  }

  /** Bring a whole place into view. */
  show(box: Box, animate: boolean): void {
    this.gl.fitBounds(box, { padding: 60, maxZoom: 17, duration: animate ? 700 : 0 });
  }

  setHome(box: Box, fit: boolean): void {
    this.home = box;
    if (fit) this.goHome(false);
  }

  goHome(animate: boolean): void {
    if (!this.home) return;
    const [west, south, east, north] = this.home;
    const bounds: LngLatBoundsLike = [
      [west, south],
      [east, north],
    ];
    this.gl.fitBounds(bounds, { padding: 36, duration: animate ? 600 : 0 });
  }

  busPosition(label: string): [number, number] | null {
    return this.buses.where(label);
  }

  private addIcons(colours: Palette): void {
    for (const { id, image } of icons(colours)) {
      if (this.gl.hasImage(id)) this.gl.updateImage(id, image);
      else this.gl.addImage(id, image, { pixelRatio: 2 });
    }
  }

  private listen(handlers: MapHandlers): void {
    this.gl.on("moveend", () => {
      const { lng, lat } = this.gl.getCenter();
      this.pulses.show(this.acting);
      handlers.moved({ lon: lng, lat, zoom: this.gl.getZoom() });
    });
    this.gl.on("click", (event) => this.clicked(event, handlers));
    this.gl.on("mousemove", (event) => {
      const hit = this.gl.isStyleLoaded() && (this.hit(event) || this.buses.at(event.point));
      this.gl.getCanvas().style.cursor = hit ? "pointer" : "";
    });
    // a tile that fails is asked for again with the next move; nothing for the console to say
    this.gl.on("error", () => undefined);
  }

  private hit(event: MapMouseEvent): MapGeoJSONFeature | undefined {
    const { x, y } = event.point;
    const box: [PointLike, PointLike] = [
      [x - TOUCH_PX, y - TOUCH_PX],
      [x + TOUCH_PX, y + TOUCH_PX],
    ];
    const layers = ["incident", "incident-group", ...DEVICE_HIT_LAYERS, ...COMPONENT_HIT_LAYERS];
    return this.gl.queryRenderedFeatures(box, { layers: layers.filter((id) => this.gl.getLayer(id)) })[0];
  }

  private clicked(event: MapMouseEvent, handlers: MapHandlers): void {
    const feature = this.hit(event);
    const layer = feature?.layer.id ?? "";
    if (feature && INCIDENT_HIT_LAYERS.includes(layer))
      return handlers.incident(Number(feature.properties.incident_id));
    if (feature && layer === "incident-group") return void this.openGroup(feature);
    const bus = this.buses.at(event.point);
    if (bus) return handlers.device(bus);
    if (feature && DEVICE_HIT_LAYERS.includes(layer)) return handlers.device(String(feature.properties.label));
    if (feature?.properties.code) return handlers.component(String(feature.properties.code));
    if (feature) return this.closer(event);
    return handlers.nothing();
  }

  /** Far out a component has no code in its tile yet: come closer instead. */
  private closer(event: MapMouseEvent): void {
    this.gl.easeTo({ center: event.lngLat, zoom: 16.4, duration: 500 });
  }

  private async openGroup(feature: MapGeoJSONFeature): Promise<void> {
    const source = this.gl.getSource("incidents") as GeoJSONSource;
    const zoom = await source.getClusterExpansionZoom(Number(feature.properties.cluster_id));
    const [lon, lat] = (feature.geometry as GeoJSON.Point).coordinates;
    this.gl.easeTo({ center: [lon ?? 0, lat ?? 0], zoom: zoom + 0.4 });
  }
}
