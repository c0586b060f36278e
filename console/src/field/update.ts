/**
 * The page's own worker: with it the page opens without a network. A new version is fetched whole beside the old one and
 * waits; it takes over when the person says so or when no window shows the old one, never in the middle of a registration.
 */
import { signal } from "@preact/signals";

export const fresh = signal<ServiceWorker | null>(null);

export async function serveOffline(): Promise<void> {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  const registration = await navigator.serviceWorker.register("/field-worker.js", { scope: "/field" });
  const look = () => {
    // without a controller it is the first visit: nothing old to take over from
    if (registration.waiting && navigator.serviceWorker.controller) fresh.value = registration.waiting;
  };
  look();
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
}

export function takeFresh(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  fresh.value?.postMessage("take over");
}
