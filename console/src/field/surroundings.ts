/** The components around, from the server, or as the phone kept them when there is no network; and the device types. */
import { effect, signal } from "@preact/signals";
import { get } from "../api/client";
import { around, distance } from "./distance";
import { keepAround, keepFact, keptAround, keptFact } from "./kept";
import type { DeviceType, Near, Position } from "./types";
import { position } from "./whereabouts";

export const RADIUS_M = 150;
const MOST = 60;
/** a position that moved less than this has the same surroundings */
const STEP_M = 12;

export const near = signal<readonly Near[] | null>(null);
/** true: from what the phone kept, not from the server */
export const old = signal(false);
export const types = signal<readonly DeviceType[] | null>(null);
export const typesFailed = signal(false);

let askedAt: Position | null = null;
let round = 0;

export function lookAround(force = false): void {
  const here = position.peek();
  if (!here) return;
  const tighter = askedAt && here.accuracy_m < askedAt.accuracy_m / 2;
  if (!force && askedAt && !tighter && distance(askedAt, here) < STEP_M) return;
  askedAt = here;
  void ask(here, ++round);
}

async function ask(here: Position, mine: number): Promise<void> {
  try {
    const query = { lon: here.lon.toFixed(7), lat: here.lat.toFixed(7), radius: RADIUS_M, limit: MOST };
    const { items } = await get<{ items: Near[] }>("/components/near", query);
    if (mine !== round) return;
    near.value = items;
    old.value = false;
    await keepAround(items);
  } catch {
    if (mine !== round) return;
    near.value = around(here, await keptAround(), MOST).filter((one) => one.distance_m <= 2 * RADIUS_M);
    old.value = true;
    askedAt = null;
  }
}

export async function loadTypes(): Promise<void> {
  types.value ??= await keptFact<DeviceType[]>("types");
  try {
    const { items } = await get<{ items: DeviceType[] }>("/devices/fittings");
    types.value = items;
    await keepFact("types", items);
    typesFailed.value = false;
  } catch {
    typesFailed.value = types.value === null;
  }
}

export function keepLooking(): void {
  effect(() => {
    if (position.value) lookAround();
  });
  addEventListener("online", () => {
    lookAround(true);
    void loadTypes();
  });
}
