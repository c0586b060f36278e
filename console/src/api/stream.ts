/**
 * The live stream (server-sent events). The browser reconnects by itself after a dropped line, but gives up after an
 * HTTP error (an API that restarts); then we open a new one that asks for what came after the last event we saw.
 */
import type { Incident, LiveRow } from "./types";

export interface IncidentEvent {
  event_id: number;
  kind: string;
  incident: Incident;
}

export interface StreamHandlers {
  incident(event: IncidentEvent): void;
  devices(rows: LiveRow[]): void;
  opened(): void;
  heartbeat(): void;
  lost(): void;
}

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
/** The server sends a heartbeat well within this; a line silent for longer is dead even if TCP has not noticed. */
const SILENCE_MS = 45_000;

export function retryDelayMs(attempt: number): number {
  return RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 8000;
}

export class Stream {
  private source: EventSource | null = null;
  private lastEventId: number | null = null;
  private attempts = 0;
  private retryTimer = 0;
  private silenceTimer = 0;

  constructor(private readonly handlers: StreamHandlers) {}

  open(): void {
    const after = this.lastEventId === null ? "" : `?last_event_id=${this.lastEventId}`;
    const source = new EventSource(`/api/v1/stream${after}`);
    this.source = source;
    source.onopen = () => this.onOpen();
    source.onerror = () => this.reopenLater();
    source.addEventListener("incident", (message) => {
      this.heard();
      const event = JSON.parse(message.data) as IncidentEvent;
      this.seen(event.event_id);
      this.handlers.incident(event);
    });
    source.addEventListener("devices", (message) => {
      this.heard();
      this.handlers.devices(rowsOf(JSON.parse(message.data)));
    });
    source.addEventListener("heartbeat", (message) => {
      this.heard();
      const { last_event_id } = JSON.parse(message.data) as { last_event_id: number | null };
      this.seen(last_event_id);
      this.handlers.heartbeat();
    });
    this.heard();
  }

  close(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    this.source?.close();
    this.source = null;
  }

  private onOpen(): void {
    this.attempts = 0;
    this.heard();
    this.handlers.opened();
  }

  private reopenLater(): void {
    this.close();
    this.handlers.lost();
    this.retryTimer = window.setTimeout(() => this.open(), retryDelayMs(this.attempts++));
  }

  /** Resume after this one; a heartbeat names it too, so that a quiet city can be resumed as well. */
  private seen(eventId: number | null): void {
    if (eventId !== null) this.lastEventId = Math.max(this.lastEventId ?? 0, eventId);
  }

  private heard(): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = window.setTimeout(() => this.reopenLater(), SILENCE_MS);
  }
}

export function rowsOf(data: unknown): LiveRow[] {
  return Array.isArray(data) ? (data as LiveRow[]) : ((data as { devices?: LiveRow[] }).devices ?? []);
}
