/** Numbers with their units, in the precision a reader can use. */

const UNIT_TEXT: Record<string, string> = {
  "1": "",
  deg: "°",
  degC: "℃",
  degc: "℃",
  "m/s": "m/s",
  "kW.h": "kWh",
  "%LEL": "% LEL",
  "ug/m3": "µg/m³",
};

/** Units that stand without a space. */
const TIGHT = new Set(["°", "%"]);

export function unitText(unit: string | null | undefined): string {
  if (!unit) return "";
  return UNIT_TEXT[unit] ?? unit;
}

export function decimals(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 1000 || Number.isInteger(value) ? 0 : size >= 100 ? 1 : size >= 1 ? 1 : 2;
  return value.toFixed(digits).replace(/^-(0(?:\.0+)?)$/, "$1");
}

export function withUnit(value: number | null | undefined, unit: string | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const text = unitText(unit);
  if (!text) return decimals(value);
  return TIGHT.has(text) ? decimals(value) + text : `${decimals(value)} ${text}`;
}

/** A share of 0 to 1. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

export function grouped(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
