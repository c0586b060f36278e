/** Where the chosen thing is, for the map: it rings it, and goes there when asked to. */
import { signal } from "@preact/signals";

export interface Located {
  position: [number, number];
  /** grows when the reader asks to have it centred */
  asked: number;
}

export const locate = signal<Located | null>(null);
