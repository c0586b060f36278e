/** How the map writes: fonts of the machine (and the one we ship), and a halo that keeps text readable. */

export const FONT = ["IBM Plex Sans Variable", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
/** MapLibre takes the weight from a word in the first font's name; `tokens.css` gives our font this second name. */
export const FONT_BOLD = ["IBM Plex Sans Bold", ...FONT.slice(1)];

export function textPaint(colour: string, halo: string): Record<string, unknown> {
  return { "text-color": colour, "text-halo-color": halo, "text-halo-width": 1.4 };
}
