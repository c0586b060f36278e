/**
 * Buses as one WebGL draw call. The graphics card moves them between fixes, so a frame costs the browser nothing and a
 * fix costs one small upload. Positions are kept relative to an origin: float32 alone is too coarse at street zoom.
 */
import {
  type CustomLayerInterface,
  type CustomRenderMethodInput,
  type Map as GlMap,
  MercatorCoordinate,
} from "maplibre-gl";
import type { LiveRow } from "../api/types";
import { RANK } from "./features";
import type { Palette } from "./palette";
import { pauseMs, share, shownAt, still, type Track, toward } from "./track";

const VERTEX = `#version 300 es
in vec4 a_leg; in vec2 a_time; in vec2 a_look;
uniform mat4 u_matrix; uniform float u_now; uniform float u_size; uniform float u_turn;
out float v_angle; flat out float v_mode;
void main() {
  float part = a_time.y <= 0.0 ? 1.0 : clamp((u_now - a_time.x) / a_time.y, 0.0, 1.0);
  gl_Position = u_matrix * vec4(mix(a_leg.xy, a_leg.zw, part), 0.0, 1.0);
  gl_PointSize = u_size;
  v_angle = a_look.x - u_turn;
  v_mode = a_look.y;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in float v_angle; flat in float v_mode;
uniform vec3 u_fill[3]; uniform vec3 u_halo; uniform float u_arrow;
out vec4 colour;
void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  float c = cos(v_angle), s = sin(v_angle);
  vec2 q = vec2(c * p.x + s * p.y, -s * p.x + c * p.y);
  float body = length(q) - 0.5;
  float nose = abs(q.x) * 0.87 - (q.y + 0.95) * 0.5;
  float tip = max(nose, q.y + 0.1);
  float shape = u_arrow > 0.5 ? min(body, tip) : body;
  float edge = fwidth(shape) + 0.001;
  float inner = 1.0 - smoothstep(0.0, edge, shape);
  float outer = 1.0 - smoothstep(0.2, 0.2 + edge, shape);
  if (outer < 0.01) discard;
  int mode = int(v_mode + 0.5);
  vec3 fill = mode == 0 ? u_fill[0] : (mode == 1 ? u_fill[1] : u_fill[2]);
  colour = vec4(mix(u_halo, fill, inner), 1.0) * outer;
}`;

interface Bus {
  track: Track;
  fixMs: number;
  turn: number;
  mode: number;
}

const FLOATS = 8;

export class BusLayer implements CustomLayerInterface {
  readonly id = "buses";
  readonly type = "custom" as const;
  readonly renderingMode = "2d" as const;

  private readonly buses = new Map<string, Bus>();
  private origin: { x: number; y: number } | null = null;
  private map: GlMap | null = null;
  private program: WebGLProgram | null = null;
  private buffer: WebGLBuffer | null = null;
  private array: WebGLVertexArrayObject | null = null;
  private dirty = true;
  private timer = 0;
  /** when the frame now awaited was asked for; 0 = none was */
  private askedMs = 0;
  private readonly zeroMs = performance.now();

  constructor(
    private colours: Palette,
    private readonly glides: () => boolean,
  ) {}

  recolour(colours: Palette): void {
    this.colours = colours;
    this.map?.triggerRepaint();
  }

  take(rows: readonly LiveRow[]): void {
    const now = this.now();
    const seen = new Set<string>();
    for (const row of rows) {
      seen.add(row[0]);
      this.place(row, now);
    }
    for (const label of this.buses.keys()) if (!seen.has(label)) this.buses.delete(label);
    this.dirty = true;
    this.map?.triggerRepaint();
  }

  /** The bus drawn nearest to a point of the screen, within reach. */
  at(point: { x: number; y: number }, reachPx = 14): string | null {
    let best: string | null = null;
    let bestPx = reachPx;
    for (const [label] of this.buses) {
      const position = this.where(label);
      if (!position || !this.map) continue;
      const screen = this.map.project(position);
      const away = Math.hypot(screen.x - point.x, screen.y - point.y);
      if (away < bestPx) {
        best = label;
        bestPx = away;
      }
    }
    return best;
  }

  where(label: string): [number, number] | null {
    const bus = this.buses.get(label);
    if (!bus || !this.origin) return null;
    const [x, y] = shownAt(bus.track, this.now());
    const { lng, lat } = new MercatorCoordinate(x + this.origin.x, y + this.origin.y).toLngLat();
    return [lng, lat];
  }

  onAdd(map: GlMap, context: WebGLRenderingContext | WebGL2RenderingContext): void {
    const gl = context as WebGL2RenderingContext;
    this.map = map;
    this.program = linked(gl);
    this.buffer = gl.createBuffer();
    this.array = gl.createVertexArray();
    this.dirty = true;
  }

  onRemove(): void {
    clearTimeout(this.timer);
    this.map = null;
  }

  render(context: WebGLRenderingContext | WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const gl = context as WebGL2RenderingContext;
    const { map, program, origin } = this;
    if (!map || !program || !origin || map.getZoom() < 10.5 || !this.buses.size) return;
    gl.useProgram(program);
    gl.bindVertexArray(this.array);
    if (this.dirty) this.upload(gl, program);
    const at = (name: string) => gl.getUniformLocation(program, name);
    const zoom = map.getZoom();
    const size = Math.min(30, Math.max(7, (zoom - 9.5) * 4)) * devicePixelRatio;
    gl.uniformMatrix4fv(at("u_matrix"), false, shifted(input.defaultProjectionData.mainMatrix, origin));
    gl.uniform1f(at("u_now"), this.now() / 1000);
    gl.uniform1f(at("u_size"), size);
    gl.uniform1f(at("u_turn"), (map.getBearing() * Math.PI) / 180);
    gl.uniform1f(at("u_arrow"), zoom >= 12.5 ? 1 : 0);
    const { online, late, silent } = this.colours.health;
    gl.uniform3fv(at("u_fill"), [online, late, silent].flatMap(rgb));
    gl.uniform3fv(at("u_halo"), rgb(this.colours.halo));
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.drawArrays(gl.POINTS, 0, this.buses.size);
    gl.bindVertexArray(null);
    this.goOn(map, zoom);
  }

  private goOn(map: GlMap, zoom: number): void {
    const now = this.now();
    const moving = [...this.buses.values()].some((bus) => share(bus.track, now) < 1);
    if (!moving || this.timer) return;
    const tookMs = this.askedMs ? now - this.askedMs : 0;
    this.askedMs = 0;
    const rest = () => {
      this.timer = 0;
      if (document.hidden) return;
      this.askedMs = this.now();
      map.triggerRepaint();
    };
    this.timer = window.setTimeout(rest, pauseMs(zoom, tookMs));
  }

  private place(row: LiveRow, now: number): void {
    const mercator = MercatorCoordinate.fromLngLat([row[2], row[3]]);
    this.origin ??= { x: mercator.x, y: mercator.y };
    const x = mercator.x - this.origin.x;
    const y = mercator.y - this.origin.y;
    const before = this.buses.get(row[0]);
    const turn = (((row[6] ?? 0) as number) * Math.PI) / 180;
    const mode = row[5] && RANK[row[5]] >= 2 ? 1 : row[4] === "online" ? 0 : row[4] === "late" ? 1 : 2;
    if (before && before.track.toX === x && before.track.toY === y) {
      this.buses.set(row[0], { ...before, turn, mode });
      return;
    }
    const glide = before && this.glides();
    const track = glide ? toward(before.track, x, y, now, before.fixMs) : still(x, y, now);
    this.buses.set(row[0], { track, fixMs: now, turn, mode });
  }

  private upload(gl: WebGL2RenderingContext, program: WebGLProgram): void {
    const data = new Float32Array(this.buses.size * FLOATS);
    let offset = 0;
    for (const { track: t, turn, mode } of this.buses.values()) {
      data.set([t.fromX, t.fromY, t.toX, t.toY, t.startMs / 1000, t.spanMs / 1000, turn, mode], offset);
      offset += FLOATS;
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    const attribute = (name: string, size: number, start: number) => {
      const place = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, FLOATS * 4, start * 4);
    };
    attribute("a_leg", 4, 0);
    attribute("a_time", 2, 4);
    attribute("a_look", 2, 6);
    this.dirty = false;
  }

  private now(): number {
    return performance.now() - this.zeroMs;
  }
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind);
    if (!shader) continue;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return program;
}

/** The matrix for positions relative to `origin`, multiplied in double precision. */
function shifted(matrix: ArrayLike<number>, origin: { x: number; y: number }): Float32Array {
  const out = new Float32Array(16);
  const m = (index: number) => matrix[index] ?? 0;
  for (let i = 0; i < 16; i++) out[i] = m(i);
  for (let row = 0; row < 4; row++) out[12 + row] = m(row) * origin.x + m(4 + row) * origin.y + m(12 + row);
  return out;
}

function rgb(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1, 7), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}
