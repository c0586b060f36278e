/** The view and the address bar: what is looked at is always in the address, and an address gives the same view back. */
import type { Severity } from "../api/types";
import type { Lang } from "../lib/time";

export type Selection =
  | { kind: "incident"; id: number }
  | { kind: "device"; id: string }
  | { kind: "component"; id: string };

export type Listing = "open" | "ended";

export interface View {
  lang: Lang;
  camera: { lon: number; lat: number; zoom: number } | null;
  selection: Selection | null;
  severities: Severity[];
  district: string;
  text: string;
  listing: Listing;
  /** by what evaluation is shown; "" = it is not */
  evaluation: string;
  /** how many days evaluation looks back */
  days: number;
}

export const SEVERITIES: readonly Severity[] = ["critical", "major", "minor", "info"];

export function emptyView(lang: Lang): View {
  return {
    lang,
    camera: null,
    selection: null,
    severities: [],
    district: "",
    text: "",
    listing: "open",
    evaluation: "",
    days: 30,
  };
}

export function parseView(search: string, fallbackLang: Lang): View {
  const params = new URLSearchParams(search);
  const lang = params.get("lang");
  return {
    lang: lang === "zh" || lang === "en" ? lang : fallbackLang,
    camera: parseCamera(params.get("at")),
    selection: parseSelection(params),
    severities: SEVERITIES.filter((severity) => params.get("severity")?.split(",").includes(severity)),
    district: /^\d{6}$/.test(params.get("district") ?? "") ? (params.get("district") ?? "") : "",
    text: (params.get("q") ?? "").slice(0, 100),
    listing: params.get("list") === "ended" ? "ended" : "open",
    evaluation: (params.get("evaluation") ?? "").match(/^[a-z_]{1,20}$/)?.[0] ?? "",
    days: Math.min(366, Math.max(1, Number(params.get("days")) || 30)),
  };
}

export function formatView(view: View): string {
  const parts: string[] = [];
  if (view.camera) {
    const { lon, lat, zoom } = view.camera;
    parts.push(`at=${lon.toFixed(5)},${lat.toFixed(5)},${zoom.toFixed(2)}`);
  }
  if (view.selection) parts.push(`${view.selection.kind}=${encodeURIComponent(view.selection.id)}`);
  if (view.severities.length) parts.push(`severity=${view.severities.join(",")}`);
  if (view.district) parts.push(`district=${view.district}`);
  if (view.text) parts.push(`q=${encodeURIComponent(view.text)}`);
  if (view.listing === "ended") parts.push("list=ended");
  if (view.evaluation) parts.push(`evaluation=${view.evaluation}`);
  if (view.days !== 30) parts.push(`days=${view.days}`);
  parts.push(`lang=${view.lang}`);
  return `?${parts.join("&")}`;
}

function parseCamera(text: string | null): View["camera"] {
  const [lon, lat, zoom] = (text ?? "").split(",").map(Number);
  if (lon === undefined || lat === undefined || zoom === undefined) return null;
  const fits = Math.abs(lon) <= 180 && Math.abs(lat) <= 85 && zoom >= 0 && zoom <= 22;
  return fits ? { lon, lat, zoom } : null;
}

function parseSelection(params: URLSearchParams): Selection | null {
  const incident = params.get("incident");
  if (incident && /^\d{1,15}$/.test(incident)) return { kind: "incident", id: Number(incident) };
  const device = params.get("device");
  if (device && /^[\w-]{1,64}$/.test(device)) return { kind: "device", id: device };
  const component = params.get("component");
  if (component && /^\d{16}$/.test(component)) return { kind: "component", id: component };
  return null;
}
