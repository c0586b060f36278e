/** Colours of the map in both themes. Red is kept for what somebody must act on. */
import type { Severity } from "../api/types";
import type { Theme } from "../state/store";

export type Family = "cover" | "power" | "utility" | "traffic" | "appearance" | "green" | "other";

export interface Palette {
  ground: string;
  district: string;
  districtLine: string;
  street: string;
  streetCase: string;
  gridLine: string;
  patrolLine: string;
  label: string;
  labelSoft: string;
  halo: string;
  shade: string;
  count: string;
  selected: string;
  severity: Record<Severity, string>;
  onSeverity: string;
  health: { online: string; late: string; silent: string };
  family: Record<Family, string>;
  broken: string;
}

const DARK: Palette = {
  ground: "#080d12",
  district: "#111a23",
  districtLine: "#4d687d",
  street: "#2a3b49",
  streetCase: "#0c141b",
  gridLine: "#22313d",
  patrolLine: "#395063",
  label: "#c9d6e0",
  labelSoft: "#92a7b7",
  halo: "#0c141b",
  shade: "#f0a63c",
  count: "#5f7688",
  selected: "#4cc4f7",
  severity: { critical: "#ff5f56", major: "#ff9d3d", minor: "#ecd04a", info: "#86b4d6" },
  onSeverity: "#0a1016",
  health: { online: "#3fbf8c", late: "#d9b84a", silent: "#8d9aa5" },
  family: {
    cover: "#6aa9c9",
    power: "#c9b26a",
    utility: "#7f97c4",
    traffic: "#a68fc7",
    appearance: "#c08d7a",
    green: "#6fae7c",
    other: "#8b9aa6",
  },
  broken: "#f0a63c",
};

const LIGHT: Palette = {
  ground: "#e3e8ec",
  district: "#f4f6f7",
  districtLine: "#8ea3b2",
  street: "#ffffff",
  streetCase: "#cfd8df",
  gridLine: "#dbe2e7",
  patrolLine: "#bccad4",
  label: "#1d2c38",
  labelSoft: "#566b7a",
  halo: "#f7f9fa",
  shade: "#d9730d",
  count: "#6c8191",
  selected: "#0369a1",
  severity: { critical: "#cc2a20", major: "#d9660a", minor: "#a67c00", info: "#3f78a3" },
  onSeverity: "#ffffff",
  health: { online: "#178a5a", late: "#a67c00", silent: "#6b7883" },
  family: {
    cover: "#2f7ea6",
    power: "#93791c",
    utility: "#4f6aa8",
    traffic: "#7a5aa8",
    appearance: "#a05a3f",
    green: "#3d8a4e",
    other: "#66757f",
  },
  broken: "#d9660a",
};

export function palette(theme: Theme): Palette {
  return theme === "dark" ? DARK : LIGHT;
}

export const FAMILIES: readonly Family[] = ["cover", "power", "utility", "traffic", "appearance", "green", "other"];

/** Lamps and power supply among the public utilities (class codes of the component catalogue). */
const POWER = words("0128 0129 0130 0137 0138 0139 0148 0153 0154 0198 0199");

/** Wells, covers and grates among the public utilities. */
const COVERS = words(
  "0101 0102 0103 0104 0105 0106 0107 0108 0109 0110 0111 0112 0114 0115 0116 0117 0118 0122 0123 0126",
);

const MAJORS: Record<string, Family> = { "01": "utility", "02": "traffic", "03": "appearance", "04": "green" };

function words(text: string): string[] {
  return text.split(" ");
}

export function familyOf(classCode: string): Family {
  if (COVERS.includes(classCode)) return "cover";
  if (POWER.includes(classCode)) return "power";
  return MAJORS[classCode.slice(0, 2)] ?? "other";
}

/** A MapLibre expression that gives `values[family]` for a feature's `class_code`. */
export function byFamily(values: Record<Family, string>): unknown[] {
  const major = ["slice", ["to-string", ["get", "class_code"]], 0, 2];
  return [
    "case",
    ["in", ["get", "class_code"], ["literal", COVERS]],
    values.cover,
    ["in", ["get", "class_code"], ["literal", POWER]],
    values.power,
    [
      "match",
      major,
      "01",
      values.utility,
      "02",
      values.traffic,
      "03",
      values.appearance,
      "04",
      values.green,
      values.other,
    ],
  ];
}
