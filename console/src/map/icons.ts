/** Draws the map's symbols: severity by shape, component family by shape, device kind by shape. Two pixels a point. */
import type { Severity } from "../api/types";
import { FAMILIES, type Family, type Palette } from "./palette";

const RATIO = 2;

export interface Icon {
  id: string;
  image: ImageData;
}

type Draw = (ctx: CanvasRenderingContext2D, r: number) => void;

/** Paths are drawn around (0, 0) with radius about r. */
export const SEVERITY_SHAPES: Record<Severity, Draw> = {
  critical: (ctx, r) => polygon(ctx, r, 8, Math.PI / 8),
  major: (ctx, r) => polygon(ctx, r * 1.12, 3, -Math.PI / 2, r * 0.14),
  minor: (ctx, r) => ctx.rect(-r * 0.78, -r * 0.78, r * 1.56, r * 1.56),
  info: (ctx, r) => ctx.arc(0, 0, r * 0.86, 0, 2 * Math.PI),
};

const FAMILY_SHAPES: Record<Family, Draw> = {
  cover: (ctx, r) => ctx.arc(0, 0, r, 0, 2 * Math.PI),
  power: (ctx, r) => star(ctx, r),
  utility: (ctx, r) => polygon(ctx, r, 6, 0),
  traffic: (ctx, r) => ctx.rect(-r * 0.85, -r * 0.85, r * 1.7, r * 1.7),
  appearance: (ctx, r) => polygon(ctx, r * 1.1, 4, 0),
  green: (ctx, r) => polygon(ctx, r * 1.1, 3, -Math.PI / 2, r * 0.14),
  other: (ctx, r) => polygon(ctx, r, 5, -Math.PI / 2),
};

export const DEVICE_SHAPES: Record<string, Draw> = {
  manhole_cover: (ctx, r) => ctx.arc(0, 0, r, 0, 2 * Math.PI),
  streetlight: (ctx, r) => star(ctx, r * 1.15),
  camera: (ctx, r) => ctx.rect(-r, -r * 0.72, r * 2, r * 1.44),
};

export function icons(colours: Palette): Icon[] {
  const made: Icon[] = [];
  for (const severity of ["critical", "major", "minor", "info"] as const) {
    made.push({ id: `incident-${severity}`, image: incidentIcon(colours, severity) });
  }
  for (const family of FAMILIES) {
    made.push({ id: `component-${family}-ok`, image: componentIcon(colours, family, false) });
    made.push({ id: `component-${family}-broken`, image: componentIcon(colours, family, true) });
  }
  for (const profile of Object.keys(DEVICE_SHAPES)) {
    for (const health of ["online", "late", "silent"] as const) {
      made.push({ id: `device-${profile}-${health}`, image: deviceIcon(colours, profile, health) });
    }
  }
  return made;
}

function incidentIcon(colours: Palette, severity: Severity): ImageData {
  return drawn(26, (ctx) => {
    ctx.beginPath();
    SEVERITY_SHAPES[severity](ctx, 9.5);
    ctx.closePath();
    ctx.lineWidth = 4;
    ctx.strokeStyle = colours.halo;
    ctx.lineJoin = "round";
    ctx.stroke();
    ctx.fillStyle = colours.severity[severity];
    ctx.fill();
    ctx.fillStyle = colours.onSeverity;
    if (severity === "info") return dot(ctx, 0, 0, 2.6);
    const lift = severity === "major" ? 1 : 0;
    ctx.fillRect(-1.1, -4.6 + lift, 2.2, 5.6);
    dot(ctx, 0, 3.6 + lift, 1.35);
  });
}

/** An intact one is quiet; a broken one has a bright rim and a bar across: never the colour alone. */
function componentIcon(colours: Palette, family: Family, broken: boolean): ImageData {
  return drawn(16, (ctx) => {
    ctx.beginPath();
    FAMILY_SHAPES[family](ctx, 4.4);
    ctx.closePath();
    ctx.fillStyle = broken ? colours.halo : `${colours.family[family]}55`;
    ctx.fill();
    ctx.lineWidth = broken ? 1.8 : 1.2;
    ctx.strokeStyle = broken ? colours.broken : colours.family[family];
    ctx.stroke();
    if (broken) bar(ctx, 4.4, colours.broken);
  });
}

function deviceIcon(colours: Palette, profile: string, health: "online" | "late" | "silent"): ImageData {
  return drawn(20, (ctx) => {
    ctx.beginPath();
    DEVICE_SHAPES[profile]?.(ctx, 5.6);
    ctx.closePath();
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = colours.halo;
    ctx.stroke();
    ctx.fillStyle = health === "silent" ? colours.halo : colours.health[health];
    ctx.fill();
    ctx.lineWidth = 1.6;
    ctx.strokeStyle = colours.health[health];
    ctx.stroke();
    if (health === "silent") bar(ctx, 5, colours.health.silent);
    if (health === "late") {
      ctx.fillStyle = colours.halo;
      dot(ctx, 0, 0, 1.9);
    }
  });
}

function drawn(size: number, draw: (ctx: CanvasRenderingContext2D) => void): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * RATIO;
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  if (!ctx) throw new Error("no 2d canvas");
  ctx.scale(RATIO, RATIO);
  ctx.translate(size / 2, size / 2);
  draw(ctx);
  return ctx.getImageData(0, 0, canvas.width, canvas.height);
}

function polygon(ctx: CanvasRenderingContext2D, r: number, corners: number, turn: number, down = 0): void {
  for (let i = 0; i < corners; i++) {
    const angle = turn + (i * 2 * Math.PI) / corners;
    ctx.lineTo(r * Math.cos(angle), r * Math.sin(angle) + down);
  }
}

function star(ctx: CanvasRenderingContext2D, r: number): void {
  for (let i = 0; i < 8; i++) {
    const angle = -Math.PI / 2 + (i * Math.PI) / 4;
    const radius = i % 2 ? r * 0.5 : r * 1.12;
    ctx.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
}

function dot(ctx: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fill();
}

function bar(ctx: CanvasRenderingContext2D, r: number, colour: string): void {
  ctx.beginPath();
  ctx.moveTo(-r, r);
  ctx.lineTo(r, -r);
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = colour;
  ctx.stroke();
}
