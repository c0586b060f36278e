/** Where the chosen thing is, for the map: it rings it, and goes there when asked to. */
import { signal } from "@preact/signals";

export interface Located {
  position: [number, number];
  /** grows when the reader asks to have it centred */
  asked: number;
}

export const locate = signal<Located | null>(null);

/** A place found by search that cannot be chosen: the map only goes there. */
export interface Flight {
  position: [number, number];
  box: [west: number, south: number, east: number, north: number] | null;
}

export const flight = signal<Flight | null>(null);
