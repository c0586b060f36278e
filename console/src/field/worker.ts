/**
 * The worker behind `/field`: gives the page and its files without a network, and the last tiles looked at.
 *
 * The page and its files come from the cache of one build, always together; `FILES` and `BUILD` are written in by the
 * build (vite.config.ts), so a new build is a new worker. Tiles come from the network while there is one. Nothing else is
 * kept here: what the API says about components and devices the page keeps itself, in bounds.
 */

declare const self: ServiceWorkerGlobalScope;
declare const __FIELD_BUILD__: string;
declare const __FIELD_FILES__: readonly string[];

const PAGE = "/field";
const BUILD = `field-${__FIELD_BUILD__}`;
const TILES = "field-tiles";
const MOST_TILES = 400;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(BUILD).then((cache) => cache.addAll([PAGE, ...__FIELD_FILES__])));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (url.pathname === PAGE) event.respondWith(kept(PAGE, request));
  } else if (__FIELD_FILES__.includes(url.pathname)) event.respondWith(kept(url.pathname, request));
  else if (url.pathname.startsWith("/api/v1/tiles/")) event.respondWith(tile(request));
});

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== BUILD && name !== TILES).map((name) => caches.delete(name)));
}

async function kept(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(BUILD);
  return (await cache.match(path)) ?? fetch(request);
}

async function tile(request: Request): Promise<Response> {
  const cache = await caches.open(TILES);
  try {
    const answer = await fetch(request);
    if (answer.ok) {
      await cache.put(request, answer.clone());
      await bound(cache);
    } else if (answer.status === 401 || answer.status === 403) await caches.delete(TILES);
    return answer;
  } catch {
    return (await cache.match(request)) ?? Response.error();
  }
}

async function bound(cache: Cache): Promise<void> {
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - MOST_TILES)).map((key) => cache.delete(key)));
}

export {};
