/**
 * Registrations on their way: kept on the phone first, sent in the order they were made, taken away when the server has
 * them. A refusal stays, with its reason, until the person has decided; a lost line or a failing server ends the round.
 */
import { signal } from "@preact/signals";
import { ApiError, post } from "../api/client";
import { allWaiting, dropWaiting, putWaiting } from "./kept";
import type { Near, Refusal, Registration, Waiting } from "./types";

const AGAIN_MS = 15_000;
const LOCK = "citygrid-field-queue";

export type Line = "ok" | "lost" | "signed-out";

export const waiting = signal<readonly Waiting[]>([]);
export const line = signal<Line>("ok");
/** what the server took, newest last: label, and the device it replaced */
export const taken = signal<readonly { key: string; label: string; replaced: string | null }[]>([]);

/** Keep a registration and try to send it; `kept` hears its key as soon as the phone has it. */
export async function add(
  registration: Registration,
  component: Near | null,
  kept: (key: string) => void,
): Promise<string> {
  const key = crypto.randomUUID();
  await putWaiting({ key, made_ms: Date.now(), registration, component, refusal: null });
  kept(key);
  await reload();
  await send();
  return key;
}

/** The person decided: the same registration changed (a new one for the server), to be sent again. */
export async function change(one: Waiting, changes: Partial<Registration>, kept: (key: string) => void): Promise<void> {
  const key = crypto.randomUUID();
  await putWaiting({ ...one, key, registration: { ...one.registration, ...changes }, refusal: null });
  kept(key);
  await drop(one.key);
  await send();
}

export async function drop(key: string): Promise<void> {
  await dropWaiting(key);
  await reload();
}

export async function reload(): Promise<void> {
  waiting.value = await allWaiting();
}

/** Send what waits, one after the other; two windows of this page never send at once. */
export async function send(): Promise<void> {
  await navigator.locks.request(LOCK, async () => {
    await reload();
    for (const one of waiting.value) {
      if (one.refusal) continue;
      const outcome = await attempt(one);
      line.value = outcome;
      if (outcome !== "ok") return;
    }
    await reload();
  });
}

async function attempt(one: Waiting): Promise<Line> {
  try {
    const headers = { "idempotency-key": one.key };
    const done = await post<{ label: string; replaced: string | null }>("/devices", one.registration, headers);
    taken.value = [...taken.value, { key: one.key, ...done }];
    await drop(one.key);
    return "ok";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.why.status === 401) return "signed-out";
    const refusal = refusalOf(error);
    if (!refusal) return "lost";
    await putWaiting({ ...one, refusal });
    await reload();
    return "ok";
  }
}

/** A refusal is final for what was asked; everything else is worth another try. */
export function refusalOf(error: ApiError): Refusal | null {
  const { status, reason, facts } = error.why;
  const final = status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (!final) return null;
  return { reason: reason ?? (status === 403 ? "not_granted" : "invalid"), message: error.message, facts: facts ?? {} };
}

export function keepSending(): void {
  void send();
  addEventListener("online", () => void send());
  addEventListener("offline", () => {
    line.value = "lost";
  });
  document.addEventListener("visibilitychange", () => document.hidden || void send());
  setInterval(() => waiting.value.some((one) => !one.refusal) && void send(), AGAIN_MS);
}
