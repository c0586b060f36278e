/** What the reader and the server can do to the state: selecting, filtering, loading, following the stream. */
import { batch } from "@preact/signals";
import { get, post } from "../api/client";
import { type IncidentEvent, Stream } from "../api/stream";
import type { Area, Department, Incident, LiveDevices, LiveRow, Page, Summary } from "../api/types";
import { applyEvent, applySnapshot } from "./incidents";
import * as s from "./store";
import { formatView, parseView, type Selection, type View } from "./view";

const SUMMARY_EVERY_MS = 5_000;
const PAGE = 200;
/** More open incidents than this at once is a broken rule; the list says how many there are by its counts. */
const MOST_OPEN = 2_000;

const LOST_AFTER_MS = 1_200;

let newestEventId = 0;
let lostTimer = 0;

export function select(selection: Selection | null): void {
  const before = s.view.value.selection;
  if (before?.kind === selection?.kind && before?.id === selection?.id) return;
  s.view.value = { ...s.view.value, selection };
  if (selection?.kind === "incident") s.cursor.value = selection.id;
  history.pushState(null, "", formatView(s.view.value));
}

/** Change what is filtered, listed or looked at; the address follows without a new step in the history. */
export function adjust(change: Partial<View>): void {
  s.view.value = { ...s.view.value, ...change };
  history.replaceState(null, "", formatView(s.view.value));
}

export function switchLang(): void {
  s.setLang(s.lang.value === "zh" ? "en" : "zh");
  adjust({});
}

export function switchTheme(): void {
  s.setTheme(s.theme.value === "dark" ? "light" : "dark");
}

export async function loadIncidents(): Promise<void> {
  const askedAt = newestEventId;
  try {
    const rows: Incident[] = [];
    let cursor: string | undefined;
    do {
      const page = await get<Page<Incident>>("/incidents", { state: "open", limit: PAGE, cursor });
      rows.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor && rows.length < MOST_OPEN);
    batch(() => {
      s.incidents.value = applySnapshot(s.incidents.value, rows, askedAt);
      s.incidentsLoaded.value = true;
      s.incidentsError.value = null;
    });
  } catch (error) {
    s.incidentsError.value = error as Error;
  }
}

export async function loadEnded(more = false): Promise<void> {
  const before = s.ended.value;
  s.ended.value = { ...before, loading: true };
  try {
    const cursor = more ? (before.next ?? undefined) : undefined;
    const page = await get<Page<Incident>>("/incidents", { state: "closed", limit: 50, cursor });
    s.ended.value = { rows: more ? [...before.rows, ...page.items] : page.items, next: page.next, loading: false };
  } catch (error) {
    batch(() => {
      s.ended.value = { ...before, loading: false };
      s.incidentsError.value = error as Error;
    });
  }
}

export async function loadDevices(): Promise<void> {
  try {
    const live = await get<LiveDevices>("/devices/live");
    s.devices.value = new Map(live.devices.map((row) => [row[0], row]));
  } catch {
    // the stream's reconnection asks again
  }
}

export async function act(incidentId: number, action: string, body: Record<string, unknown>): Promise<void> {
  const incident = await post<Incident>(`/incidents/${incidentId}/actions/${action}`, body);
  s.incidents.value = applyEvent(s.incidents.value, newestEventId, incident);
}

async function loadSummary(): Promise<void> {
  if (document.hidden) return;
  try {
    s.summary.value = await get<Summary>("/summary");
    s.asOf.value = Date.now();
  } catch {
    // the strip keeps its last figures; the connection state says since when
  }
}

function onIncident(event: IncidentEvent): void {
  newestEventId = Math.max(newestEventId, event.event_id);
  batch(() => {
    s.incidents.value = applyEvent(s.incidents.value, event.event_id, event.incident);
    s.asOf.value = Date.now();
  });
}

function onDevices(rows: LiveRow[]): void {
  const next = new Map(s.devices.value);
  for (const row of rows) next.set(row[0], row);
  batch(() => {
    s.devices.value = next;
    s.asOf.value = Date.now();
  });
}

/** A line that comes back at once is not worth a word. */
function onLost(): void {
  if (lostTimer) return;
  lostTimer = window.setTimeout(() => {
    s.link.value = "lost";
  }, LOST_AFTER_MS);
}

function onOpened(): void {
  clearTimeout(lostTimer);
  lostTimer = 0;
  s.link.value = "live";
  s.asOf.value = Date.now();
  void loadIncidents();
  void loadDevices();
  void loadSummary();
}

/** Load what every view needs and follow the stream; called once. */
export function start(): void {
  history.replaceState(null, "", formatView(s.view.value));
  addEventListener("popstate", () => {
    s.view.value = parseView(location.search, s.lang.value);
  });
  setInterval(() => {
    s.nowMs.value = Date.now();
  }, 1000);
  setInterval(() => void loadSummary(), SUMMARY_EVERY_MS);
  void loadIncidents();
  if (s.view.value.listing === "ended") void loadEnded();
  void loadSummary();
  void get<Page<Area>>("/areas", { level: "district" }).then(takeDistricts, () => undefined);
  void get<Page<Department> | Department[]>("/departments").then(takeDepartments, () => undefined);
  const stream = new Stream({
    incident: onIncident,
    devices: onDevices,
    opened: onOpened,
    heartbeat: () => {
      s.asOf.value = Date.now();
    },
    lost: onLost,
  });
  stream.open();
  addEventListener("pagehide", () => stream.close());
}

function takeDistricts(data: unknown): void {
  const features = (data as { features?: { properties: Area & { code?: string } }[] }).features ?? [];
  s.districts.value = features
    .map(({ properties: p }) => ({ ...p, area_code: p.area_code ?? p.code ?? "" }))
    .sort((a, b) => a.area_code.localeCompare(b.area_code));
}

function takeDepartments(data: Page<Department> | Department[]): void {
  s.departments.value = Array.isArray(data) ? data : data.items;
}
