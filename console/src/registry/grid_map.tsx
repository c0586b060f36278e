/** Findings drawn as they lie to each other, north up; the chosen one near, with the unit grids in force around it. */
import { useLoaded } from "../ui/use_loaded";
import { t } from "./grids_text";

type Position = [number, number];
type Ring = Position[];
interface Geometry {
  type: string;
  coordinates: unknown;
}

export interface Feature {
  id: string;
  geometry: Geometry | null;
  properties: { flaw: string; blocks: boolean; codes: string[]; area_m2: number; detail: string };
}

interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

interface MapProps {
  features: Feature[];
  chosen: string | null;
  choose: (id: string) => void;
}

const WIDTH = 720;
const HEIGHT = 360;
/** Degrees around a chosen finding: about 200 m. */
const AROUND = 0.002;

export function FindingMap({ features, chosen, choose }: MapProps) {
  const shown = features.find((it) => it.id === chosen && it.geometry);
  const box = boxOf(shown ? [shown] : features, shown ? AROUND : 0.0005);
  const around = useLoaded<{ features: { id: string; geometry: Geometry | null }[] }>(
    shown ? "/grids/unit" : "/grids/patrol",
    shown ? { bbox: `${box.west},${box.south},${box.east},${box.north}` } : {},
  );
  const draw = projection(box);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t("grids.map")} style={{ width: "100%" }}>
      {around.data?.features.map((grid) => (
        <path key={grid.id} d={path(grid.geometry, draw)} fill="none" stroke="currentColor" opacity="0.35" />
      ))}
      {features.map((it) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the table below holds a button for each
        <path
          key={it.id}
          d={path(it.geometry, draw)}
          fill={it.properties.blocks ? "var(--critical)" : "var(--major)"}
          fill-opacity={it.id === chosen ? 0.8 : 0.45}
          stroke={it.properties.blocks ? "var(--critical)" : "var(--major)"}
          stroke-width={it.id === chosen ? 2.5 : 1.5}
          onClick={() => choose(it.id)}
        >
          <title>{it.properties.detail}</title>
        </path>
      ))}
    </svg>
  );
}

/** The rings of a polygon or of several; other geometries are not drawn. */
export function ringsOf(geometry: Geometry | null): Ring[] {
  if (geometry?.type === "Polygon") return geometry.coordinates as Ring[];
  if (geometry?.type === "MultiPolygon") return (geometry.coordinates as Ring[][]).flat();
  return [];
}

export function boxOf(features: Feature[], margin: number): Box {
  const box = { west: 180, south: 90, east: -180, north: -90 };
  for (const feature of features)
    for (const [lon, lat] of ringsOf(feature.geometry).flat()) {
      box.west = Math.min(box.west, lon);
      box.east = Math.max(box.east, lon);
      box.south = Math.min(box.south, lat);
      box.north = Math.max(box.north, lat);
    }
  if (box.west > box.east) return { west: 0, south: 0, east: margin, north: margin };
  return { west: box.west - margin, south: box.south - margin, east: box.east + margin, north: box.north + margin };
}

/** Degrees to the drawing, the same scale both ways: a degree of longitude is shorter by the cosine of the latitude. */
function projection(box: Box): (at: Position) => string {
  const squeeze = Math.cos((((box.south + box.north) / 2) * Math.PI) / 180);
  const scale = Math.min(WIDTH / ((box.east - box.west) * squeeze), HEIGHT / (box.north - box.south));
  const left = (WIDTH - (box.east - box.west) * squeeze * scale) / 2;
  const top = (HEIGHT - (box.north - box.south) * scale) / 2;
  return ([lon, lat]) =>
    `${(left + (lon - box.west) * squeeze * scale).toFixed(1)} ${(top + (box.north - lat) * scale).toFixed(1)}`;
}

function path(geometry: Geometry | null, draw: (at: Position) => string): string {
  return ringsOf(geometry)
    .map((ring) => `M${ring.map(draw).join("L")}Z`)
    .join("");
}
