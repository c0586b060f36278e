import { describe, expect, it } from "vitest";
import { en } from "../src/i18n/en";
import { name, text, word } from "../src/i18n/text";
import { zh } from "../src/i18n/zh";
import { timeLeft } from "../src/lib/deadline";
import { comparisonSign, explanation, silence } from "../src/lib/explain";
import { grouped, percent, unitText, withUnit } from "../src/lib/number";
import { absolute, short, span } from "../src/lib/time";
import { incident, minutes, NOW } from "./builders";

describe("texts", () => {
  it("exist in both languages with the same gaps to fill", () => {
    const gaps = (value: string) => [...value.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const key of Object.keys(zh) as (keyof typeof zh)[])
      expect([key, gaps(en[key])]).toEqual([key, gaps(zh[key])]);
  });
  it("use the field's terms", () => {
    expect(text("zh", "detail.unitGrid")).toBe("单元网格");
    expect(text("zh", "detail.patrolGrid")).toBe("巡查网格");
    expect(text("zh", "help.flow")).toMatch(/立案.*派遣.*核查.*结案/);
  });
  it("fill in values", () => expect(text("en", "list.overdue", { span: "3 min" })).toBe("3 min overdue"));
  it("show a word this page does not know as it is", () => expect(word("zh", "stage", "paused")).toBe("paused"));
  it("fall back to the other language's name", () => {
    expect(name("en", "河北路", null)).toBe("河北路");
    expect(name("zh", "", "Hebei Road")).toBe("Hebei Road");
  });
});

describe("times", () => {
  it("have two units at most", () => {
    expect(span(47_000, "en")).toBe("47 s");
    expect(span(125_000, "zh")).toBe("2分");
    expect(span(7_500_000, "en")).toBe("2 h 5 min");
    expect(span(-90_000_000, "zh")).toBe("1天1小时");
    expect(span(0, "en")).toBe("0 s");
  });
  it("are the city's, not the reader's", () => {
    expect(absolute("2026-11-22T04:00:00Z", "Asia/Shanghai")).toBe("2026-11-22 12:00:00");
    expect(absolute("2026-11-22T16:00:00Z", "Asia/Shanghai")).toBe("2026-11-23 00:00:00");
  });
  it("name the day only on another day", () => {
    expect(short(NOW, "Asia/Shanghai", NOW)).toBe("12:00");
    expect(short(NOW - 86_400_000, "Asia/Shanghai", NOW)).toBe("11-21 12:00");
  });
});

describe("the time left", () => {
  const of = (opened: number, due: number) =>
    timeLeft(incident({ opened_at: minutes(opened), deadline: minutes(due) }), NOW);
  it("is calm up to 80 %, amber after that, overdue after the end", () => {
    expect(of(-80, 20).urgency).toBe("calm");
    expect(of(-81, 19).urgency).toBe("soon");
    expect(of(-100, 0).urgency).toBe("soon");
    expect(of(-101, -1).urgency).toBe("overdue");
  });
  it("turns amber when the API says so: a clock may stand at night", () => {
    const clock = { clock_since: minutes(-10), amber_at: minutes(30), deadline: minutes(800) };
    expect(timeLeft(incident(clock), NOW).urgency).toBe("calm");
    expect(timeLeft(incident(clock), NOW).left).toBeCloseTo(0.8);
    expect(timeLeft(incident({ ...clock, amber_at: minutes(-1) }), NOW).urgency).toBe("soon");
  });
  it("shrinks", () => expect(of(-25, 75).left).toBeCloseTo(0.75));
  it("stops when the incident has ended", () => {
    const ended = incident({ opened_at: minutes(-60), deadline: minutes(-30), recovered_at: minutes(-50) });
    expect(timeLeft(ended, NOW)).toMatchObject({ urgency: "done", ms: 20 * 60_000 });
  });
});

describe("numbers", () => {
  it("stand beside their units", () => {
    expect(withUnit(27.44, "deg")).toBe("27.4°");
    expect(withUnit(0.356, "m")).toBe("0.36 m");
    expect(withUnit(3, "%LEL")).toBe("3 % LEL");
    expect(withUnit(null, "m")).toBe("–");
    expect(withUnit(-0.001, "m")).toBe("0.00 m");
    expect(unitText("kW.h")).toBe("kWh");
  });
  it("are shares of a hundred", () => expect([percent(0.934), percent(1)]).toEqual(["93%", "100%"]));
  it("are grouped by thousands", () => expect(grouped(548000)).toBe("548,000"));
});

describe("the number that explains", () => {
  it("is the value against the limit", () => {
    expect(explanation(incident().evidence)).toEqual({
      channel: "tilt_deg",
      value: "27.4°",
      limit: "> 15°",
      forSeconds: 120,
    });
  });
  it("is absent when nothing was measured", () => expect(explanation({ comparison: "absent" })).toBeNull());
  it("is a time when a device says nothing", () => {
    expect(silence({ channel: null, unit: "s", value: 45, comparison: "absent for 3 intervals" })).toBe(45);
    expect(silence(incident().evidence)).toBeNull();
  });
  it("knows the signs", () => {
    expect(comparisonSign("a >= 3")).toBe("≥");
    expect(comparisonSign("silent")).toBe("");
  });
});
