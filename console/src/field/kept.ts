/** What the phone keeps over a loss of network and a reload: registrations that wait, device types, components around. */
import type { Near, Waiting } from "./types";

const NAME = "citygrid-field";
const MOST_COMPONENTS = 1500;

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error ?? new Error("storage"));
  });
}

let opened: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((done, fail) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("waiting", { keyPath: "key" });
      request.result.createObjectStore("facts");
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error ?? new Error("storage"));
  });
  return opened;
}

async function store(name: "waiting" | "facts", mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await database()).transaction(name, mode, { durability: "strict" }).objectStore(name);
}

export async function allWaiting(): Promise<Waiting[]> {
  const rows = await asked<Waiting[]>((await store("waiting", "readonly")).getAll());
  return rows.sort((a, b) => a.made_ms - b.made_ms);
}

export async function putWaiting(one: Waiting): Promise<void> {
  await asked((await store("waiting", "readwrite")).put(one));
}

export async function dropWaiting(key: string): Promise<void> {
  await asked((await store("waiting", "readwrite")).delete(key));
}

export async function keepFact<T>(name: string, value: T): Promise<void> {
  await asked((await store("facts", "readwrite")).put(value, name));
}

export async function keptFact<T>(name: string): Promise<T | null> {
  return (await asked<T | undefined>((await store("facts", "readonly")).get(name))) ?? null;
}

/** Newest first, so that what was walked past long ago is what falls off. */
export async function keepAround(fresh: readonly Near[]): Promise<void> {
  const before = (await keptFact<Near[]>("around")) ?? [];
  const codes = new Set(fresh.map((one) => one.code));
  await keepFact("around", [...fresh, ...before.filter((one) => !codes.has(one.code))].slice(0, MOST_COMPONENTS));
}

export async function keptAround(): Promise<Near[]> {
  return (await keptFact<Near[]>("around")) ?? [];
}
