import { validateStyleMin } from "@maplibre/maplibre-gl-style-spec";
import { describe, expect, it } from "vitest";
import type { LiveRow } from "../src/api/types";
import {
  boxOf,
  centreOf,
  devicePoints,
  incidentPoints,
  incidentShapes,
  isMoving,
  namePoints,
} from "../src/map/features";
import { FAMILIES, familyOf, palette } from "../src/map/palette";
import { changed } from "../src/map/restyle";
import { cityStyle } from "../src/map/style";
import { pauseMs, share, shownAt, still, toward } from "../src/map/track";
import { incident } from "./builders";

describe("the style", () => {
  for (const theme of ["dark", "light"] as const) {
    for (const lang of ["zh", "en"] as const) {
      it(`is valid (${theme}, ${lang})`, () => {
        const style = cityStyle(palette(theme), lang, "http://127.0.0.1:8077");
        expect(validateStyleMin(style).map((problem) => problem.message)).toEqual([]);
      });
    }
  }
  it("asks nobody but our own server", () => {
    const text = JSON.stringify(cityStyle(palette("dark"), "zh", "http://here"));
    expect([...text.matchAll(/https?:\/\/[^/"]+/g)].map((match) => match[0])).toEqual(["http://here", "http://here"]);
    expect(text).not.toContain("glyphs");
  });
  it("differs between languages only in properties that can change while it runs", () => {
    const [zh, en] = (["zh", "en"] as const).map((lang) => cityStyle(palette("dark"), lang, "http://here"));
    expect(en?.layers.map((layer) => layer.id)).toEqual(zh?.layers.map((layer) => layer.id));
    expect(changed({ a: 1, b: [1] }, { a: 1, b: [2], c: 3 })).toEqual([
      ["b", [2]],
      ["c", 3],
    ]);
  });
});

describe("a bus", () => {
  it("glides from where it was shown to its newest fix", () => {
    const begin = still(0, 0, 0);
    const leg = toward(begin, 10, 0, 15_000, 0);
    expect(leg.spanMs).toBe(15_000);
    expect(shownAt(leg, 15_000)).toEqual([0, 0]);
    expect(shownAt(leg, 22_500)).toEqual([5, 0]);
    expect(shownAt(leg, 60_000)).toEqual([10, 0]);
  });
  it("turns in mid-way without a jump", () => {
    const leg = toward(still(0, 0, 0), 10, 0, 10_000, 0);
    const next = toward(leg, 10, 10, 15_000, 10_000);
    expect(shownAt(next, 15_000)).toEqual(shownAt(leg, 15_000));
  });
  it("does not crawl for minutes after a silence, nor teleport after a burst", () => {
    expect(toward(still(0, 0, 0), 1, 1, 600_000, 0).spanMs).toBe(20_000);
    expect(toward(still(0, 0, 0), 1, 1, 10, 0).spanMs).toBe(1_000);
  });
  it("stands when the fix says the same place", () => {
    const leg = still(3, 3, 0);
    expect(toward(leg, 3, 3, 5_000, 0)).toBe(leg);
    expect(share(leg, 1)).toBe(1);
  });
  it("costs fewer frames far out, and on a machine that draws slowly", () => {
    expect(pauseMs(11, 5)).toBeGreaterThan(pauseMs(16, 5));
    expect(pauseMs(16, 300)).toBeGreaterThan(1000);
  });
});

describe("features", () => {
  const parked: LiveRow = ["MH-1", "manhole_cover", 118, 39, "never", null];
  const bus: LiveRow = ["BUS-1", "bus", 118, 39, "online", null, 90];
  it("are points of what stands; what moves is drawn elsewhere", () => {
    expect(isMoving(bus)).toBe(true);
    const { features } = devicePoints([parked, bus]);
    expect(features.map((feature) => feature.properties)).toEqual([
      { label: "MH-1", profile: "manhole_cover", health: "silent" },
    ]);
  });
  it("carry the worst severity as a rank for groups", () => {
    expect(incidentPoints([incident()]).features[0]?.properties).toMatchObject({ severity: "critical", rank: 4 });
  });
  it("show what a rule saw where that is more than a point", () => {
    const way: GeoJSON.Geometry = {
      type: "LineString",
      coordinates: [
        [118, 39],
        [118.1, 39],
      ],
    };
    const shapes = incidentShapes([incident(), incident({ incident_id: 2, geometry: way })]);
    expect(shapes.features.map((feature) => feature.geometry)).toEqual([way]);
  });
  it("are named once, in the middle", () => {
    const polygon: GeoJSON.Geometry = {
      type: "Polygon",
      coordinates: [
        [
          [0, 0],
          [4, 0],
          [4, 2],
          [0, 2],
          [0, 0],
        ],
      ],
    };
    const named = namePoints({
      type: "FeatureCollection",
      features: [{ type: "Feature", properties: { name_zh: "一格" }, geometry: polygon }],
    });
    expect(named.features).toEqual([
      { type: "Feature", properties: { name_zh: "一格" }, geometry: { type: "Point", coordinates: [2, 1] } },
    ]);
  });
  it("know their box and centre", () => {
    const line: GeoJSON.Geometry = {
      type: "LineString",
      coordinates: [
        [1, 2],
        [3, 6],
      ],
    };
    expect(boxOf(line)).toEqual([1, 2, 3, 6]);
    expect(centreOf(line)).toEqual([2, 4]);
    expect(boxOf({ type: "GeometryCollection", geometries: [] })).toBeNull();
  });
});

describe("class families", () => {
  it("tell covers, lamps, traffic and trees apart", () => {
    expect(["0102", "0137", "0150", "0214", "0305", "0402", "0503"].map(familyOf)).toEqual([
      "cover",
      "power",
      "utility",
      "traffic",
      "appearance",
      "green",
      "other",
    ]);
    expect(new Set(FAMILIES).size).toBe(7);
  });
});
