import { describe, expect, it } from "vitest";
import { ApiError } from "../src/api/client";
import { around, distance, isFar, isUncertain, metres, ring } from "../src/field/distance";
import { explain } from "../src/field/explain";
import { labelOf } from "../src/field/label";
import { refusalOf } from "../src/field/queue";
import { zh } from "../src/field/text_zh";
import type { Near, Registration } from "../src/field/types";

const here = { lon: 118.19, lat: 39.641, accuracy_m: 6, moved: false };
const near = (code: string, lon: number): Near => ({
  code,
  class_code: "0102",
  class_zh: "污水井盖",
  class_en: "Sewage manhole cover",
  name: "",
  state: "intact",
  district_code: "130203",
  distance_m: 0,
  lon,
  lat: 39.641,
  devices: [],
});
const registration: Registration = {
  label: "MC-1",
  profile: "manhole_cover",
  component_code: "1302030102000001",
  position: here,
  install: {},
  replaces: "",
  insists: [],
};
const reader = {
  named: (zhName: unknown) => String(zhName ?? ""),
  time: (at: unknown) => String(at ?? "–"),
  type: (profile: unknown) => String(profile),
  never: "从未上报",
};

describe("a scanned code", () => {
  it("is a label, or an address with one", () => {
    expect(labelOf(" MC-000123\n")).toBe("MC-000123");
    expect(labelOf("https://city.example/field?label=MC-7&lang=zh")).toBe("MC-7");
  });
  it("is nothing else", () => {
    for (const text of ["", "https://city.example/field", "WIFI:S:x;;", "井盖1", "a b", "x".repeat(65)])
      expect(labelOf(text)).toBeNull();
  });
});

describe("a position", () => {
  it("is uncertain beyond 30 m, unless a person put it there", () => {
    expect(isUncertain(here)).toBe(false);
    expect(isUncertain({ ...here, accuracy_m: 31 })).toBe(true);
    expect(isUncertain({ ...here, accuracy_m: 31, moved: true })).toBe(false);
  });
  it("is far from a component beyond 100 m and its own uncertainty", () => {
    const metre = 1 / (111_195 * Math.cos((39.641 * Math.PI) / 180));
    expect(isFar(here, near("1", 118.19 + 105 * metre))).toBe(false);
    expect(isFar(here, near("1", 118.19 + 107 * metre))).toBe(true);
    expect(isFar(null, near("1", 0))).toBe(false);
  });
  it("orders what the phone keeps by how near it is", () => {
    const kept = [near("3", 118.193), near("1", 118.191), near("2", 118.192)];
    expect(around(here, kept, 2).map((one) => one.code)).toEqual(["1", "2"]);
    expect(around(here, kept, 1)[0]?.distance_m).toBeCloseTo(85.6, 0);
  });
  it("has a ring as wide as its uncertainty", () => {
    for (const [lon, lat] of ring(here, 50)) expect(distance(here, { lon, lat })).toBeCloseTo(50, 0);
  });
  it("is told in metres", () =>
    expect([metres(3.21), metres(42.4), metres(1234)]).toEqual(["3.2 m", "42 m", "1.2 km"]));
});

describe("an answer of the server", () => {
  it("is final when it refuses", () => {
    const occupied = new ApiError("conflict", "x", { status: 409, reason: "occupied", facts: { occupant: "MC-0" } });
    expect(refusalOf(occupied)).toEqual({ reason: "occupied", message: "x", facts: { occupant: "MC-0" } });
    expect(refusalOf(new ApiError("refused", "x", { status: 403 }))?.reason).toBe("not_granted");
    expect(refusalOf(new ApiError("refused", "x", { status: 422 }))?.reason).toBe("invalid");
  });
  it("is worth another try when it is none", () => {
    for (const status of [0, 408, 429, 500, 503]) expect(refusalOf(new ApiError("server", "x", { status }))).toBeNull();
  });
});

describe("a refusal", () => {
  const told = (reason: string, facts: Record<string, unknown> = {}) =>
    explain({ reason, message: "because", facts }, registration, reader);
  it("has words and a way on for every reason the server gives", () => {
    for (const reason of [
      "already_registered",
      "occupied",
      "wrong_class",
      "far_from_component",
      "unknown_component",
      "out_of_area",
      "not_granted",
      "not_in_batch",
      "other_type_in_batch",
      "unknown_profile",
      "key_used",
      "something_new",
    ]) {
      const { title, hint, gaps, choices } = told(reason);
      expect(choices.length).toBeGreaterThan(0);
      for (const text of [zh[title], zh[hint]])
        for (const [, gap] of text.matchAll(/\{(\w+)\}/g)) expect(gaps).toHaveProperty(gap as string);
    }
  });
  it("names the device in the way, and when it last spoke", () => {
    expect(told("occupied", { occupant: "MC-0", last_ts: null }).gaps).toMatchObject({
      label: "MC-0",
      last: "从未上报",
    });
  });
  it("says it otherwise for a device that stands nowhere", () => {
    expect(told("already_registered").hint).toBe("refused.already_registeredNowhere");
    expect(told("already_registered", { component_code: "1" }).hint).toBe("refused.already_registeredHint");
  });
});
