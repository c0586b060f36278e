/** Where the findings of a survey lie, drawn over the patrol grids: enough to see whether they are in one place. */
import { useLoaded } from "../ui/use_loaded";
import { t } from "./surveys_text";

type Position = [number, number];
export interface Spot {
  geometry: { coordinates: Position };
  properties: { line: number; detail: string; refused: boolean };
}
interface Grid {
  id: string;
  geometry: { type: string; coordinates: unknown };
}

const WIDTH = 720;
const HEIGHT = 360;
/** More than this are not told apart by eye. */
const MOST = 3000;
const MARGIN = 0.004;

/** Positions to the drawing, the same scale both ways: a degree of longitude is shorter by the cosine of the latitude. */
export function projection(positions: readonly Position[]): (at: Position) => Position {
  const lons = positions.map(([lon]) => lon);
  const lats = positions.map(([, lat]) => lat);
  const [west, east] = [Math.min(...lons) - MARGIN, Math.max(...lons) + MARGIN];
  const [south, north] = [Math.min(...lats) - MARGIN, Math.max(...lats) + MARGIN];
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const scale = Math.min(WIDTH / ((east - west) * squeeze), HEIGHT / (north - south));
  const left = (WIDTH - (east - west) * squeeze * scale) / 2;
  const top = (HEIGHT - (north - south) * scale) / 2;
  return ([lon, lat]) => [left + (lon - west) * squeeze * scale, top + (north - lat) * scale];
}

export function PointMap({ path, reason }: { path: string; reason: string }) {
  const { data } = useLoaded<{ features: Spot[] }>(path, { reason });
  return <Spots spots={data?.features ?? []} />;
}

export function Spots({ spots: all }: { spots: Spot[] }) {
  const grids = useLoaded<{ features: Grid[] }>("/grids/patrol");
  const spots = all.slice(0, MOST);
  if (spots.length === 0) return null;
  const place = projection(spots.map((spot) => spot.geometry.coordinates));
  return (
    <figure>
      <figcaption class="muted">{t("survey.map", { count: spots.length })}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t("survey.findings")} style={{ width: "100%" }}>
        {grids.data?.features.map((grid) => (
          <path key={grid.id} d={outline(grid, place)} fill="none" stroke="currentColor" opacity="0.3" />
        ))}
        {spots.map((spot, at) => {
          const [x, y] = place(spot.geometry.coordinates);
          const colour = spot.properties.refused ? "var(--critical)" : "var(--minor)";
          return (
            <circle key={`${spot.properties.line} ${at}`} cx={x} cy={y} r="3.5" fill={colour}>
              <title>{`${spot.properties.line}: ${spot.properties.detail}`}</title>
            </circle>
          );
        })}
      </svg>
    </figure>
  );
}

function outline(grid: Grid, place: (at: Position) => Position): string {
  const polygons = grid.geometry.type === "MultiPolygon" ? grid.geometry.coordinates : [grid.geometry.coordinates];
  return (polygons as Position[][][])
    .flat()
    .map(
      (ring) =>
        `M${ring
          .map((at) =>
            place(at)
              .map((value) => value.toFixed(1))
              .join(" "),
          )
          .join("L")}Z`,
    )
    .join("");
}
