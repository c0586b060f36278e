/** Where the phone is: followed while the page shows, unless the person has put the mark somewhere. */
import { computed, signal } from "@preact/signals";
import type { Position } from "./types";

export type Fix = Position;
export type Trouble = "" | "denied" | "unavailable" | "insecure";

const phone = signal<Fix | null>(null);
const mark = signal<Fix | null>(null);
export const trouble = signal<Trouble>("");
export const position = computed<Fix | null>(() => mark.value ?? phone.value);

/** A person who drags the mark knows where they stand to about a step or two. */
const BY_HAND_M = 5;

let watch: number | null = null;

export function follow(): void {
  mark.value = null;
  if (!isSecureContext || !("geolocation" in navigator)) {
    trouble.value = "insecure";
    return;
  }
  if (watch !== null) navigator.geolocation.clearWatch(watch);
  watch = navigator.geolocation.watchPosition(
    ({ coords }) => {
      trouble.value = "";
      phone.value = { lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy, moved: false };
    },
    (error) => {
      trouble.value = error.code === error.PERMISSION_DENIED ? "denied" : "unavailable";
    },
    { enableHighAccuracy: true, maximumAge: 2_000, timeout: 20_000 },
  );
}

export function put(lon: number, lat: number): void {
  mark.value = { lon, lat, accuracy_m: BY_HAND_M, moved: true };
}
