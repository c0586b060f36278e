import { describe, expect, it } from "vitest";
import { instantIn } from "../src/lib/time";
import { Places } from "../src/page/places";
import { detailLines } from "../src/people/detail";
import { browserName } from "../src/people/me";
import { freshPassword } from "../src/people/password";
import { tabsOf } from "../src/people/tabs";
import { grantOf, partsOf } from "../src/people/types";
import { equalsOf, linesOf, matcherOf, windowsOf } from "../src/silences/wish";

describe("a first password", () => {
  it("is twenty letters in four groups, none of them alike", () =>
    expect(freshPassword()).toMatch(/^([abcdefghjkmnpqrstuvwxyz2-9]{5}-){3}[abcdefghjkmnpqrstuvwxyz2-9]{5}$/));
  it("takes no byte that would make some letters likelier", () => {
    const bytes = [255, 248, 247, ...Array(19).fill(0)];
    expect(freshPassword(() => bytes.shift() as number)).toBe("9aaaa-aaaaa-aaaaa-aaaaa");
  });
});

describe("a grant", () => {
  it("is read as it is written", () => {
    for (const grant of ["viewer", "dispatcher@130203", "inspector@grid:P1"]) {
      const { role, place } = partsOf(grant);
      expect(grantOf(role, place)).toBe(grant);
    }
  });
  it("is everybody's business only for who administers the city", () =>
    expect(tabsOf(false).map((tab) => tab.id)).toEqual(["me"]));
});

describe("an entry of the audit log", () => {
  const lines = (detail: Record<string, unknown>) =>
    detailLines(detail, { name: (field) => field, value: (_, text) => text.toUpperCase() });
  it("says what was and what is", () =>
    expect(lines({ department_id: { before: null, after: 3 } })).toEqual(["department_id: – → 3"]));
  it("names lists, and leaves out what is empty", () =>
    expect(lines({ granted: ["viewer", "admin"], taken: [], reason: null })).toEqual(["granted: VIEWER; ADMIN"]));
});

describe("a browser", () => {
  it("is named in short", () => {
    expect(browserName("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")).toBe(
      "Firefox, Linux",
    );
    expect(browserName("curl/8.5.0")).toBe("curl/8.5.0");
  });
});

describe("places", () => {
  const area = (code: string, level: "city" | "district" | "street", parent_code: string | null) => ({
    properties: { code, level, parent_code, name_zh: code, name_en: code },
  });
  const places = new Places(
    {
      features: [
        area("130200", "city", null),
        area("130203", "district", "130200"),
        area("130203001", "street", "130203"),
      ],
    },
    { features: [{ properties: { code: "P1", district_code: "130203", name_zh: "一格", name_en: "Grid 1" } }] },
  );
  it("know the way down to them, patrol grids with and without their mark", () => {
    expect(places.path("130203001").map((place) => place.code)).toEqual(["130203", "130203001"]);
    expect(places.path("P1").map((place) => place.code)).toEqual(["130203", "grid:P1"]);
    expect(places.path("999999")).toEqual([]);
  });
});

describe("a silence", () => {
  it("keeps quotes in what a matcher says", () => {
    expect(matcherOf("device", 'a"b\\c')).toBe('device="a\\"b\\\\c"');
    expect(equalsOf(matcherOf("device", 'a"b\\c'))).toEqual({ label: "device", values: ['a"b\\c'] });
    expect(equalsOf('severity=~"info|minor"')).toEqual({ label: "severity", values: ["info", "minor"] });
    expect(equalsOf('street=~"7.*"')).toBeNull();
    expect(equalsOf('street!="7"')).toBeNull();
  });
  it("reads a condition a line", () => expect(linesOf(' a="1" \n\n b="2"')).toEqual(['a="1"', 'b="2"']));
  it("is two windows over midnight, the second on the day after", () => {
    expect(windowsOf(["sunday"], "22:00", "06:00")).toEqual([
      { weekdays: ["sunday"], times: [{ start_time: "22:00", end_time: "24:00" }] },
      { weekdays: ["monday"], times: [{ start_time: "00:00", end_time: "06:00" }] },
    ]);
    expect(windowsOf([], "22:00", "00:00")).toEqual([{ times: [{ start_time: "22:00", end_time: "24:00" }] }]);
    expect(windowsOf([], "02:00", "04:00")).toHaveLength(1);
  });
});

describe("a time of a form", () => {
  it("is the city's", () =>
    expect(new Date(instantIn("2026-11-22T12:00", "Asia/Shanghai")).toISOString()).toBe("2026-11-22T04:00:00.000Z"));
  it("is right on both sides of a change of clocks", () => {
    const at = (local: string) => new Date(instantIn(local, "America/New_York")).toISOString();
    expect(at("2026-03-08T01:30")).toBe("2026-03-08T06:30:00.000Z");
    expect(at("2026-03-08T03:30")).toBe("2026-03-08T07:30:00.000Z");
    expect(at("2026-11-01T03:00")).toBe("2026-11-01T08:00:00.000Z");
  });
});
