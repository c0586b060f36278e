/** How the map writes: fonts of the machine (and the one we ship), and a halo that keeps text readable. */

export const FONT = ["IBM Plex Sans Variable", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
/** MapLibre takes the weight from the words of the font's name. */
export const FONT_BOLD = [...FONT.slice(0, -1), "sans-serif bold"];

export function textPaint(colour: string, halo: string): Record<string, unknown> {
  return { "text-color": colour, "text-halo-color": halo, "text-halo-width": 1.4 };
}
