import { describe, expect, it } from "vitest";
import { address, failureOf } from "../src/api/client";
import { retryDelayMs, rowsOf } from "../src/api/stream";
import { emptyView, formatView, parseView, type View } from "../src/state/view";

describe("the address bar", () => {
  it("gives back the view it was made from", () => {
    const view: View = {
      lang: "en",
      camera: { lon: 118.18, lat: 39.63, zoom: 14.25 },
      selection: { kind: "component", id: "1302030102000001" },
      severities: ["critical", "minor"],
      district: "130203",
      text: "河北路 井盖",
      listing: "ended",
      evaluation: "department",
      days: 7,
    };
    expect(parseView(formatView(view), "zh")).toEqual(view);
  });
  it("gives each kind of selection back", () => {
    for (const selection of [
      { kind: "incident", id: 12 },
      { kind: "device", id: "MH-000_1" },
    ] as const) {
      expect(parseView(formatView({ ...emptyView("zh"), selection }), "en").selection).toEqual(selection);
    }
  });
  it("ignores what makes no sense", () => {
    const odd =
      "?at=abc&incident=1e9&device=../x&component=12&severity=huge&district=1&lang=fr&list=all&evaluation=<x>&days=soon";
    expect(parseView(odd, "zh")).toEqual(emptyView("zh"));
    expect(parseView("?at=500,39,14", "zh").camera).toBeNull();
  });
});

describe("the API client", () => {
  it("leaves out what is not asked", () => {
    expect(address("/incidents", { state: "open", cursor: undefined, severity: "" })).toBe(
      "/api/v1/incidents?state=open",
    );
  });
  it("knows what a status means for the reader", () => {
    expect([404, 409, 422, 503, 500].map(failureOf)).toEqual(["missing", "conflict", "refused", "timeout", "server"]);
  });
});

describe("the stream", () => {
  it("waits longer after each failure, to a limit", () => {
    expect([0, 1, 2, 50].map(retryDelayMs)).toEqual([500, 1000, 2000, 8000]);
  });
  it("reads rows with and without an envelope", () => {
    const row = ["BUS-1", "bus", 118, 39, "online", null, 90];
    expect(rowsOf([row])).toEqual([row]);
    expect(rowsOf({ as_of: "x", devices: [row] })).toEqual([row]);
    expect(rowsOf({})).toEqual([]);
  });
});
