/** Classes of the shaded map: a legend people can read, and every grid in exactly one class. */
import { validateStyleMin } from "@maplibre/maplibre-gl-style-spec";
import { describe, expect, it } from "vitest";
import { palette } from "../src/map/palette";
import { boxOf, breaks, classOf, colourOf, colours, NONE, style } from "../src/registry/shades";

describe("classes", () => {
  it("hold about as many grids each, and none for what is nothing", () => {
    const values = [0, 0, ...Array.from({ length: 100 }, (_, at) => at + 1)];
    const bounds = breaks(values);
    const counts = [-1, 0, 1, 2, 3, 4].map((wanted) => values.filter((it) => classOf(it, bounds) === wanted).length);
    expect(bounds).toEqual([0, 21, 41, 61, 81]);
    expect(counts).toEqual([2, 20, 20, 20, 20, 20]);
  });

  it("are fewer where values are alike, and none in an empty city", () => {
    expect(breaks([3, 3, 3])).toEqual([0, 3]);
    expect(breaks([0, 0])).toEqual([]);
    expect(breaks([])).toEqual([]);
    expect(classOf(2, [0])).toBe(0);
  });
});

describe("colours", () => {
  it("say much by what stands out from the ground", () => {
    expect(colourOf(4, 5, colours(true))).toBe("#fde725");
    expect(colourOf(4, 5, colours(false))).toBe("#440154");
    expect(colourOf(0, 1, colours(true))).toBe("#fde725");
    expect(colourOf(-1, 5, colours(true))).toBe(NONE);
  });
});

describe("the map", () => {
  it("has a style that MapLibre takes, and lies where its grids lie", () => {
    for (const theme of ["dark", "light"] as const) {
      expect(validateStyleMin(style(palette(theme))).map((problem) => problem.message)).toEqual([]);
    }
    const ring = [
      [118, 39],
      [119, 39],
      [119, 40],
      [118, 39],
    ];
    const grid = {
      type: "Feature" as const,
      properties: {},
      geometry: { type: "MultiPolygon" as const, coordinates: [[ring]] },
    };
    expect(boxOf({ type: "FeatureCollection", features: [grid] })).toEqual([118, 39, 119, 40]);
    expect(boxOf({ type: "FeatureCollection", features: [] })).toBeNull();
  });
});
