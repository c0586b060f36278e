import { describe, expect, it } from "vitest";
import { share, sides, span, spanText } from "../src/lib/evaluation";

describe("evaluation", () => {
  it("shows a share with one decimal where it needs one", () => {
    expect([0, 1, 0.5, 2 / 3].map(share)).toEqual(["0%", "100%", "50%", "66.7%"]);
  });
  it("knows which figures should be small", () => {
    expect([sides("disposal_rate"), sides("rework_rate")]).toEqual(["good", "bad"]);
  });
  it("looks back whole minutes, so that the same question has one address", () => {
    const now = Date.parse("2026-05-08T10:00:12.345Z");
    expect(span(now, 7)).toEqual({ from: "2026-05-01T10:01:00.000Z", to: "2026-05-08T10:01:00.000Z" });
    expect(span(now + 20_000, 7)).toEqual(span(now, 7));
  });
  it("speaks both languages", () => {
    expect([spanText(1, "en"), spanText(7, "en"), spanText(1, "zh"), spanText(30, "zh")]).toEqual([
      "last 24 hours",
      "last 7 days",
      "最近 24 小时",
      "最近 30 天",
    ]);
  });
});
