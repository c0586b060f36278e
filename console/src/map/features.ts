/** Turns state into what map sources take. Pure. */
import type { Health, Incident, LiveRow, Severity } from "../api/types";

export const RANK: Record<Severity, number> = { info: 1, minor: 2, major: 3, critical: 4 };

type Points = GeoJSON.FeatureCollection<GeoJSON.Point>;

export function incidentPoints(rows: readonly Incident[]): Points {
  return {
    type: "FeatureCollection",
    features: rows.map((row) => ({
      type: "Feature",
      id: row.incident_id,
      geometry: { type: "Point", coordinates: [row.lon, row.lat] },
      properties: { incident_id: row.incident_id, severity: row.severity, rank: RANK[row.severity] },
    })),
  };
}

/** What rules saw, where that is more than a point: grids, streets, ways that were gone. */
export function incidentShapes(rows: readonly Incident[]): GeoJSON.FeatureCollection {
  return {
    type: "FeatureCollection",
    features: rows
      .filter((row) => row.geometry.type !== "Point" && row.geometry.type !== "MultiPoint")
      .map((row) => ({
        type: "Feature",
        geometry: row.geometry,
        properties: { incident_id: row.incident_id, severity: row.severity },
      })),
  };
}

/** Only vehicles carry a bearing. */
export function isMoving(row: LiveRow): boolean {
  return row.length > 6;
}

export function healthShown(health: Health): "online" | "late" | "silent" {
  return health === "never" ? "silent" : health;
}

export function devicePoints(rows: Iterable<LiveRow>): Points {
  const features: Points["features"] = [];
  for (const row of rows) {
    if (isMoving(row)) continue;
    features.push({
      type: "Feature",
      geometry: { type: "Point", coordinates: [row[2], row[3]] },
      properties: { label: row[0], profile: row[1], health: healthShown(row[4]) },
    });
  }
  return { type: "FeatureCollection", features };
}

export type Box = [number, number, number, number];

export function boxOf(geometry: GeoJSON.Geometry): Box | null {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  visit(geometry, ([lon, lat]) => {
    if (lon === undefined || lat === undefined) return;
    box[0] = Math.min(box[0], lon);
    box[1] = Math.min(box[1], lat);
    box[2] = Math.max(box[2], lon);
    box[3] = Math.max(box[3], lat);
  });
  return box[0] <= box[2] ? box : null;
}

export function centreOf(geometry: GeoJSON.Geometry): [number, number] | null {
  if (geometry.type === "Point") return [geometry.coordinates[0] ?? 0, geometry.coordinates[1] ?? 0];
  const box = boxOf(geometry);
  return box && [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
}

/** One point to write each area's name at: a polygon that several tiles share would be named once in each of them. */
export function namePoints(areas: GeoJSON.FeatureCollection): GeoJSON.FeatureCollection {
  const features = areas.features.flatMap((area) => {
    const at = area.geometry && centreOf(area.geometry);
    return at ? [{ ...area, geometry: { type: "Point" as const, coordinates: at } }] : [];
  });
  return { type: "FeatureCollection", features };
}

function visit(geometry: GeoJSON.Geometry, each: (position: GeoJSON.Position) => void): void {
  if (geometry.type === "GeometryCollection") {
    for (const part of geometry.geometries) visit(part, each);
    return;
  }
  const walk = (node: unknown): void => {
    if (!Array.isArray(node)) return;
    if (typeof node[0] === "number") each(node as GeoJSON.Position);
    else node.forEach(walk);
  };
  walk(geometry.coordinates);
}
