/** The registration that is being made: what is known of it, and which step shows. */
import { batch, computed, effect, signal } from "@preact/signals";
import { labelOf } from "./label";
import { add } from "./queue";
import { near } from "./surroundings";
import type { DeviceType, Near, Plate, Waiting } from "./types";
import { type Fix, position } from "./whereabouts";

export type Step = "label" | "place" | "type" | "done";
export const STEPS: readonly Step[] = ["label", "place", "type", "done"];

export const step = signal<Step>("label");
export const label = signal(labelOf(new URLSearchParams(globalThis.location?.search ?? "").get("label") ?? "") ?? "");
export const component = signal<Near | null>(null);
export const profile = signal("");
export const install = signal<Record<string, string>>({});
/** what its plate says: model and serial number */
export const plate = signal<Plate>({});
export const insists = signal<string[]>([]);
export const replaces = signal("");
/** the registration whose fate the last step shows */
export const sent = signal<{ key: string; label: string; profile: string; at_ms: number } | null>(null);

/** the device of the chosen type that the chosen component carries, as far as this phone knows */
export const occupant = computed(
  () => component.value?.devices.find((device) => device.profile === profile.value)?.label ?? "",
);

/** What was picked follows what the server says of it: a device may have been put there meanwhile. */
export function keepFresh(): void {
  effect(() => {
    const fresh = near.value?.find((one) => one.code === component.peek()?.code);
    if (fresh) component.value = fresh;
  });
}

export function pick(one: Near | null): void {
  batch(() => {
    if (one?.code !== component.value?.code) {
      replaces.value = "";
      insists.value = [];
    }
    component.value = one;
  });
}

export function startOver(): void {
  batch(() => {
    label.value = "";
    component.value = null;
    replaces.value = "";
    insists.value = [];
    install.value = {};
    plate.value = {};
    sent.value = null;
    step.value = "label";
  });
}

/** Take a registration that was refused back into the steps, to put one thing right. */
export function correct(one: Waiting, at: Step): void {
  batch(() => {
    label.value = one.registration.label;
    component.value = one.component;
    profile.value = one.registration.profile;
    install.value = Object.fromEntries(
      Object.entries(one.registration.install).map(([name, value]) => [name, String(value)]),
    );
    plate.value = one.registration.about ?? {};
    replaces.value = "";
    insists.value = [];
    step.value = at;
  });
}

export interface Wrong {
  name: string;
}

/** The install parameters as numbers; those left empty are not sent. Gives the first one that is out of its range. */
export function installed(type: DeviceType, given: Record<string, string>): Record<string, number> | Wrong {
  const values: Record<string, number> = {};
  for (const parameter of type.install) {
    const text = (given[parameter.name] ?? "").trim().replace(",", ".");
    if (!text) continue;
    const value = Number(text);
    if (!Number.isFinite(value) || value < parameter.min || value > parameter.max) return { name: parameter.name };
    values[parameter.name] = value;
  }
  return values;
}

export async function register(values: Record<string, number>): Promise<void> {
  const here: Fix | null = position.value;
  sent.value = { key: "", label: label.value, profile: profile.value, at_ms: Date.now() };
  step.value = "done";
  const key = await add(
    {
      label: label.value,
      profile: profile.value,
      component_code: component.value?.code ?? "",
      position: here && { lon: here.lon, lat: here.lat, accuracy_m: here.accuracy_m, moved: here.moved },
      install: values,
      about: plate.value,
      replaces: replaces.value,
      insists: insists.value,
    },
    component.value,
    (made) => {
      if (sent.value) sent.value = { ...sent.value, key: made };
    },
  );
  if (sent.value) sent.value = { ...sent.value, key };
}
