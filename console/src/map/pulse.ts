/** Pulsing rings where somebody must act: a few DOM markers moved by the compositor, so the map need not redraw. */
import { type Map as GlMap, Marker } from "maplibre-gl";
import type { Incident } from "../api/types";

/** More than this pulsing at once tells nobody where to look. */
const MOST = 24;
const FROM_ZOOM = 12.5;

export class Pulses {
  private readonly markers = new Map<number, Marker>();

  constructor(private readonly map: GlMap) {}

  show(rows: readonly Incident[]): void {
    const wanted = this.map.getZoom() < FROM_ZOOM ? [] : this.inView(rows).slice(0, MOST);
    const keep = new Set(wanted.map((row) => row.incident_id));
    for (const [id, marker] of this.markers) {
      if (keep.has(id)) continue;
      marker.remove();
      this.markers.delete(id);
    }
    for (const row of wanted) if (!this.markers.has(row.incident_id)) this.add(row);
  }

  private inView(rows: readonly Incident[]): Incident[] {
    const bounds = this.map.getBounds();
    return rows.filter((row) => bounds.contains([row.lon, row.lat]));
  }

  private add(row: Incident): void {
    const element = document.createElement("div");
    element.className = `pulse pulse-${row.severity}`;
    element.setAttribute("aria-hidden", "true");
    const marker = new Marker({ element, anchor: "center" }).setLngLat([row.lon, row.lat]).addTo(this.map);
    this.markers.set(row.incident_id, marker);
  }
}
