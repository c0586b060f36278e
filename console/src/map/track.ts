/** Where a moving device is drawn: it glides from where it was shown to its newest fix, taking as long as fixes take. */

export interface Track {
  fromX: number;
  fromY: number;
  toX: number;
  toY: number;
  startMs: number;
  spanMs: number;
}

const SHORTEST_MS = 1_000;
const LONGEST_MS = 20_000;
const SLOW_FRAME_MS = 40;
/** A slow machine rests this many times as long as it drew. */
const SLOW_REST = 6;
const FRAME_LEAD_MS = 4;

export function still(x: number, y: number, nowMs: number): Track {
  return { fromX: x, fromY: y, toX: x, toY: y, startMs: nowMs, spanMs: 0 };
}

export function share(track: Track, nowMs: number): number {
  if (track.spanMs <= 0) return 1;
  return Math.min(1, Math.max(0, (nowMs - track.startMs) / track.spanMs));
}

export function shownAt(track: Track, nowMs: number): [number, number] {
  const part = share(track, nowMs);
  return [track.fromX + (track.toX - track.fromX) * part, track.fromY + (track.toY - track.fromY) * part];
}

/** The next leg after a fix: as long as the last two fixes lay apart, so that it arrives when the next one comes. */
export function toward(track: Track, x: number, y: number, nowMs: number, lastFixMs: number): Track {
  if (track.toX === x && track.toY === y) return track;
  const [fromX, fromY] = shownAt(track, nowMs);
  const spanMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, nowMs - lastFixMs));
  return { fromX, fromY, toX: x, toY: y, startMs: nowMs, spanMs };
}

/** How long to wait before the next frame: far out a bus moves less than a pixel a frame, and a slow machine (one that
 * draws without a graphics card, and took `tookMs` for the last frame) must not spend itself on gliding. */
export function pauseMs(zoom: number, tookMs: number): number {
  const perSecond = zoom >= 15 ? 60 : zoom >= 13 ? 20 : 6;
  const usual = 1000 / perSecond;
  return tookMs > SLOW_FRAME_MS ? Math.max(usual, tookMs * SLOW_REST) : usual - FRAME_LEAD_MS;
}
