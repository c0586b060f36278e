/** Small drawings: severity by shape, health by fill, and the few icons of the buttons. */
import type { Health, Severity } from "../api/types";
import type { Family } from "../map/palette";
import { word } from "../state/store";

const SEVERITY_PATHS: Record<Severity, string> = {
  critical: "M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z",
  major: "M8 1.2 15.4 14.4H.6z",
  minor: "M2 2h12v12H2z",
  info: "M8 1.4a6.6 6.6 0 1 1 0 13.2A6.6 6.6 0 0 1 8 1.4z",
};

export function SeverityGlyph({ severity, titled = true }: { severity: Severity; titled?: boolean }) {
  const mark =
    severity === "info" ? "M8 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z" : "M7 4.6h2v4.6H7zM7 10.4h2v2H7z";
  const lift = severity === "major" ? "translate(0 1.2)" : undefined;
  return (
    <svg class={`glyph sev-${severity}`} viewBox="0 0 16 16" role="img" aria-hidden={!titled}>
      <title>{word("severity", severity)}</title>
      <path d={SEVERITY_PATHS[severity]} fill="currentColor" />
      <path d={mark} transform={lift} class="glyph-mark" />
    </svg>
  );
}

/** Online = full, late = half, silent = crossed out, never = empty: readable without colour. */
export function HealthGlyph({ health }: { health: Health }) {
  return (
    <svg class={`glyph health-${health}`} viewBox="0 0 16 16" aria-hidden="true">
      <circle
        cx="8"
        cy="8"
        r="5.2"
        fill={health === "online" ? "currentColor" : "none"}
        stroke="currentColor"
        stroke-width="1.8"
      />
      {health === "late" && <path d="M8 2.8a5.2 5.2 0 0 1 0 10.4z" fill="currentColor" />}
      {health === "silent" && <path d="M3.4 12.6 12.6 3.4" stroke="currentColor" stroke-width="1.8" />}
    </svg>
  );
}

const FAMILY_PATHS: Record<Family, string> = {
  cover: "M8 3.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2z",
  power: "M8 2.4 9.7 6.3 13.6 8 9.7 9.7 8 13.6 6.3 9.7 2.4 8 6.3 6.3z",
  utility: "M12.6 8 10.3 12H5.7L3.4 8 5.7 4h4.6z",
  traffic: "M4 4h8v8H4z",
  appearance: "M8 2.8 13.2 8 8 13.2 2.8 8z",
  green: "M8 3 12.8 11.8H3.2z",
  other: "M8 3.2 12.6 6.5 10.8 11.9H5.2L3.4 6.5z",
};

export function FamilyGlyph({ family }: { family: Family }) {
  return (
    <svg class={`glyph family-${family}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={FAMILY_PATHS[family]} fill="currentColor" fill-opacity="0.35" stroke="currentColor" stroke-width="1.3" />
    </svg>
  );
}

const DEVICE_PATHS: Record<string, string> = {
  manhole_cover: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z",
  streetlight: "M8 1.6 9.9 6.1 14.4 8 9.9 9.9 8 14.4 6.1 9.9 1.6 8 6.1 6.1z",
  camera: "M2.4 4.2h11.2v7.6H2.4z",
  bus: "M8 1.6c2.4 2.2 3.6 4.6 3.6 7.6a3.6 3.6 0 1 1-7.2 0C4.4 6.200 5.600 3.800 8 1.600z",
};

export function DeviceGlyph({ profile }: { profile: string }) {
  return (
    <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">
      <path d={DEVICE_PATHS[profile] ?? DEVICE_PATHS.manhole_cover} fill="currentColor" />
    </svg>
  );
}

const ICONS = {
  close: "M4 4l8 8M12 4l-8 8",
  locate: "M8 1.500v3M8 11.500v3M1.500 8h3M11.500 8h3M8 5.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5z",
  search: "M7 2.500a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9zM10.400 10.400 14 14",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  home: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
  person:
    "M8 8.200a2.700 2.700 0 1 0 0-5.400 2.700 2.700 0 0 0 0 5.400zM2.800 13.600c.400-2.700 2.500-4 5.200-4s4.800 1.300 5.200 4",
  moon: "M13 9.600A5.600 5.600 0 0 1 6.400 3a5.600 5.600 0 1 0 6.600 6.600z",
  sun: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM8 1v1.600M8 13.400V15M1 8h1.600M13.400 8H15M3 3l1.200 1.200M11.800 11.800 13 13M13 3l-1.200 1.200M4.200 11.800 3 13",
  help: "M5.800 6a2.200 2.200 0 1 1 3.200 2c-.7.4-1 .8-1 1.600M8 12.200v.6",
  down: "M4 6l4 4 4-4",
  evaluation: "M3 13V9M8 13V3M13 13V6",
} as const;

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={ICONS[name]} />
    </svg>
  );
}
