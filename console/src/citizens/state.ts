/** What the page knows: kinds, the places nearest to a point, and which point that is. */
import { computed, effect, signal } from "@preact/signals";
import { get } from "../api/client";

export interface Kind {
  kind: string;
  name_zh: string;
  name_en: string;
  count: number;
}

export interface Place {
  kind: string;
  name: string | null;
  lon: number;
  lat: number;
  street_zh: string | null;
  street_en: string | null;
  community_zh: string | null;
  community_en: string | null;
  distance_m: number | null;
}

export type Position = [lon: number, lat: number];
export type Box = [west: number, south: number, east: number, north: number];

const MOST = 50;
const NEAREST = 5;
/** Ten metres: fine enough for a walk, coarse enough that neighbours share an answer. */
const DECIMALS = 4;

export const kinds = signal<Kind[] | null>(null);
export const box = signal<Box | null>(null);
export const places = signal<Place[]>([]);
export const more = signal(false);
export const loading = signal(true);
export const failed = signal<Error | null>(null);
export const chosenKind = signal(new URLSearchParams(location.search).get("kind") ?? "");
export const middle = signal<Position | null>(null);
export const here = signal<Position | null>(null);
export const locating = signal<"" | "finding" | "denied">("");
export const chosen = signal<Place | null>(null);
const from = computed(() => here.value ?? middle.value);
const tries = signal(0);

export function start(): void {
  effect(() => {
    tries.value;
    get<{ items: Kind[]; box: Box | null }>("/public/kinds").then((answer) => {
      kinds.value = answer.items;
      box.value = answer.box;
      if (!answer.items.length) loading.value = false;
    }, fail);
  });
  effect(() => {
    tries.value;
    const point = from.value;
    if (!point) return;
    const near = point.map((part) => part.toFixed(DECIMALS)).join(",");
    const stop = new AbortController();
    loading.value = true;
    get<{ items: Place[]; more: boolean }>(
      "/public/places",
      { near, kind: chosenKind.value, limit: MOST },
      stop.signal,
    ).then(
      (answer) => {
        places.value = answer.items;
        more.value = answer.more;
        failed.value = null;
        loading.value = false;
      },
      (error) => {
        if (!stop.signal.aborted) fail(error);
      },
    );
    return () => stop.abort();
  });
}

/** Answers come anew; a place stays the same one by what and where it is. */
export function sameAs(one: Place, other: Place | null): boolean {
  return other !== null && one.kind === other.kind && one.lon === other.lon && one.lat === other.lat;
}

/** What holds the reader and the places nearest to him. */
export function around(position: Position, rows: readonly Place[]): Box {
  const lons = [position[0], ...rows.slice(0, NEAREST).map((row) => row.lon)];
  const lats = [position[1], ...rows.slice(0, NEAREST).map((row) => row.lat)];
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

export function again(): void {
  failed.value = null;
  tries.value += 1;
}

export function chooseKind(kind: string): void {
  chosenKind.value = kind;
  chosen.value = null;
  const address = new URL(location.href);
  if (kind) address.searchParams.set("kind", kind);
  else address.searchParams.delete("kind");
  history.replaceState(history.state, "", address);
}

export function findMe(): void {
  locating.value = "finding";
  if (!navigator.geolocation) {
    locating.value = "denied";
    return;
  }
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      here.value = [coords.longitude, coords.latitude];
      locating.value = "";
    },
    () => {
      locating.value = "denied";
    },
    { enableHighAccuracy: true, timeout: 10_000, maximumAge: 60_000 },
  );
}

export function forgetMe(): void {
  here.value = null;
  locating.value = "";
}

export function distance(metres: number): string {
  return metres < 950
    ? `${metres < 100 ? metres : Math.round(metres / 10) * 10} m`
    : `${(metres / 1000).toFixed(1)} km`;
}

function fail(error: Error): void {
  failed.value = error;
  loading.value = false;
}
