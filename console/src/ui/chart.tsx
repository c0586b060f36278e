/** A time series as a line with its band of lowest and highest, and the rule's limit drawn in. uPlot does the drawing. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { withUnit } from "../lib/number";
import { clock, short } from "../lib/time";
import { lang, nowMs, t, theme, zone } from "../state/store";

/** Around a lone point the axis shows this much time, seconds: a scale of no length has no readable ticks. */
const LONE_POINT_S = 1800;

export interface ChartData {
  /** epoch milliseconds, ascending */
  at: number[];
  mean: (number | null)[];
  low?: (number | null)[];
  high?: (number | null)[];
}

export interface ChartProps {
  data: ChartData;
  unit: string;
  label: string;
  threshold?: number | null | undefined;
  /** where the rule fired, epoch ms */
  mark?: number | undefined;
  height?: number;
}

export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const look = `${theme.value}/${lang.value}/${zone.value}`;
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const plot = new uPlot(options(props, element.clientWidth), columns(props.data), element);
    const observer = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height: props.height ?? 170 });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [props.data, props.threshold, props.unit, look]);
  return (
    <div
      class="chart"
      ref={host}
      role="img"
      aria-label={summaryOf(props)}
      style={{ height: `${props.height ?? 170}px` }}
    />
  );
}

function summaryOf({ data, label, unit, threshold }: ChartProps): string {
  const values = data.mean.filter((value): value is number => value !== null);
  if (!values.length) return label;
  const range = `${withUnit(Math.min(...values), unit)} – ${withUnit(Math.max(...values), unit)}`;
  return `${label}: ${range}${threshold == null ? "" : `, ${t("detail.threshold")} ${withUnit(threshold, unit)}`}`;
}

function columns(data: ChartData): uPlot.AlignedData {
  const at = data.at.map((ms) => ms / 1000);
  const blank = data.at.map(() => null);
  return [at, data.mean, data.high ?? blank, data.low ?? blank];
}

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(props: ChartProps, width: number): uPlot.Options {
  const { unit, threshold } = props;
  const line = css("--chart");
  const axis = {
    stroke: css("--muted"),
    grid: { stroke: css("--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${css("--font")}`,
  };
  const now = nowMs.peek();
  return {
    width,
    height: props.height ?? 170,
    cursor: { y: false, points: { size: 7 } },
    legend: { show: true, live: true },
    scales: {
      x: { range: (_, low, high) => (low === high ? [low - LONE_POINT_S, high + LONE_POINT_S] : [low, high]) },
      y: { range: (_, low, high) => padded(low, high, threshold) },
    },
    axes: [
      { ...axis, size: 26, values: (_, ticks) => ticks.map((tick) => short(tick * 1000, zone.peek(), now)), space: 64 },
      { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => withUnit(tick, unit)) },
    ],
    series: [
      { label: "", value: (_, at) => (at ? clock(at * 1000, zone.peek()) : "–") },
      {
        label: props.label,
        stroke: line,
        width: 1.8,
        points: { show: props.data.at.length < 40, size: 4, fill: line },
        value: (_, value) => withUnit(value, unit),
        spanGaps: false,
      },
      {
        show: Boolean(props.data.high),
        label: "▲",
        value: (_, value) => withUnit(value, unit),
        points: { show: false },
      },
      {
        show: Boolean(props.data.low),
        label: "▼",
        value: (_, value) => withUnit(value, unit),
        points: { show: false },
      },
    ],
    bands: [{ series: [2, 3], fill: `${line}33` }],
    hooks: { draw: [(plot) => drawLimit(plot, props)] },
  };
}

/** Room around the values, and the limit always in sight. */
export function padded(low: number | null, high: number | null, threshold?: number | null): [number, number] {
  const values = [low, high, threshold].filter((value): value is number => typeof value === "number");
  const bottom = values.length ? Math.min(...values) : 0;
  const top = values.length ? Math.max(...values) : 1;
  const room = (top - bottom || Math.abs(top) || 1) * 0.12;
  return [bottom >= 0 && bottom - room < 0 ? Math.min(0, bottom) : bottom - room, top + room];
}

function drawLimit(plot: uPlot, { threshold, unit, mark }: ChartProps): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `600 ${11 * ratio}px ${css("--font")}`;
  if (threshold !== null && threshold !== undefined) {
    const y = plot.valToPos(threshold, "y", true);
    ctx.strokeStyle = css("--limit");
    ctx.fillStyle = css("--limit");
    ctx.lineWidth = 1.4 * ratio;
    ctx.setLineDash([5 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.textAlign = "left";
    ctx.textBaseline = y - top > 18 * ratio ? "bottom" : "top";
    ctx.fillText(`${t("detail.threshold")} ${withUnit(threshold, unit)}`, left + 5 * ratio, y - 2 * ratio);
  }
  if (mark !== undefined) {
    const x = plot.valToPos(mark / 1000, "x", true);
    ctx.strokeStyle = css("--muted");
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.lineWidth = ratio;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
  }
  ctx.restore();
}
