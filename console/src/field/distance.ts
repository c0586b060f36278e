/** Distances on the ground, and how good a position is. Pure. */
import type { Near, Position } from "./types";

const EARTH_M = 6_371_000;
/** A position less certain than this does not tell one cover from the next. */
export const UNCERTAIN_M = 30;
/** So far a component may be, beside the phone's own uncertainty; the same as `devices.placing.FAR_M`. */
export const FAR_M = 100;

interface Point {
  lon: number;
  lat: number;
}

export function distance(a: Point, b: Point): number {
  const rad = Math.PI / 180;
  const x = (b.lon - a.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad);
  const y = (b.lat - a.lat) * rad;
  return EARTH_M * Math.hypot(x, y);
}

export function metres(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(1)} km`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} m`;
}

export function isUncertain(position: Position): boolean {
  return !position.moved && position.accuracy_m > UNCERTAIN_M;
}

export function isFar(position: Position | null, component: Near | null): boolean {
  if (!position || !component) return false;
  return distance(position, component) > FAR_M + position.accuracy_m;
}

/** What the phone keeps, from where it is now: the nearest first. */
export function around(position: Point, kept: readonly Near[], limit: number): Near[] {
  return kept
    .map((one) => ({ ...one, distance_m: distance(position, one) }))
    .sort((a, b) => a.distance_m - b.distance_m || a.code.localeCompare(b.code))
    .slice(0, limit);
}

/** A circle of `radius_m` as a ring of positions, for the map. */
export function ring(centre: Point, radius_m: number, corners = 48): [number, number][] {
  const up = radius_m / 111_320;
  const aside = up / Math.cos((centre.lat * Math.PI) / 180);
  return Array.from({ length: corners + 1 }, (_, i) => {
    const turn = (2 * Math.PI * i) / corners;
    return [centre.lon + aside * Math.cos(turn), centre.lat + up * Math.sin(turn)];
  });
}
