import { describe, expect, it } from "vitest";
import { grouped } from "../src/state/actions";
import {
  applyEvent,
  applySnapshot,
  countByGrid,
  countBySeverity,
  matching,
  mustAct,
  openByDeadline,
} from "../src/state/incidents";
import { incident, minutes, NOW } from "./builders";

const noFilter = { severities: [], district: "", text: "" };

describe("the open incidents", () => {
  it("stand with what is due first on top, and without what has ended", () => {
    const rows = [
      incident({ incident_id: 1, deadline: minutes(90) }),
      incident({ incident_id: 2, deadline: minutes(-5) }),
      incident({ incident_id: 3, deadline: minutes(1), stage: "closed" }),
    ];
    expect(openByDeadline(applySnapshot(new Map(), rows, 0)).map((row) => row.incident_id)).toEqual([2, 1]);
  });

  it("take an event once and never an older one", () => {
    const first = applyEvent(new Map(), 5, incident({ stage: "filed" }));
    expect(applyEvent(first, 5, incident({ stage: "reported" }))).toBe(first);
    expect(applyEvent(first, 4, incident({ stage: "reported" }))).toBe(first);
    expect(applyEvent(first, 6, incident({ stage: "closed" })).get(1)?.incident.stage).toBe("closed");
  });

  it("keep what the stream said after a snapshot was asked for", () => {
    const streamed = applyEvent(new Map(), 9, incident({ incident_id: 2, stage: "closed" }));
    const late = [incident({ incident_id: 1 }), incident({ incident_id: 2, stage: "reported" })];
    const known = applySnapshot(streamed, late, 7);
    expect(openByDeadline(known).map((row) => row.incident_id)).toEqual([1]);
  });

  it("lose what a snapshot no longer has", () => {
    const known = applySnapshot(new Map(), [incident({ incident_id: 1 })], 3);
    expect(applySnapshot(known, [], 3).size).toBe(0);
  });
});

describe("the filters", () => {
  const rows = [
    incident({ incident_id: 1, severity: "critical", district_code: "130202" }),
    incident({ incident_id: 2, severity: "minor", street_zh: "建设街道", street_en: "Jianshe" }),
  ];
  it("hide nothing when empty", () => expect(matching(rows, noFilter)).toHaveLength(2));
  it("keep a severity", () => expect(matching(rows, { ...noFilter, severities: ["minor"] })).toEqual([rows[1]]));
  it("keep a district", () => expect(matching(rows, { ...noFilter, district: "130202" })).toEqual([rows[0]]));
  it("want every word, in either language", () => {
    expect(matching(rows, { ...noFilter, text: "建设 jianshe" })).toEqual([rows[1]]);
    expect(matching(rows, { ...noFilter, text: "建设 nowhere" })).toEqual([]);
  });
  it("find by number", () => expect(matching(rows, { ...noFilter, text: "#2" })).toEqual([rows[1]]));
});

describe("somebody must act", () => {
  it("on what nobody has taken", () => expect(mustAct(incident(), NOW)).toBe(true));
  it("not on what is taken and in time", () => expect(mustAct(incident({ stage: "filed" }), NOW)).toBe(false));
  it("on what is taken and overdue", () => {
    expect(mustAct(incident({ stage: "filed", deadline: minutes(-1) }), NOW)).toBe(true);
  });
  it("never on information or on what has ended", () => {
    expect(mustAct(incident({ severity: "info" }), NOW)).toBe(false);
    expect(mustAct(incident({ stage: "closed", deadline: minutes(-1) }), NOW)).toBe(false);
  });
});

describe("counts", () => {
  it("are by severity and by grid", () => {
    const rows = [
      incident(),
      incident({ incident_id: 2 }),
      incident({ incident_id: 3, severity: "info", unit_grid_code: null }),
    ];
    expect(countBySeverity(rows)).toEqual({ critical: 2, major: 0, minor: 0, info: 1 });
    expect(countByGrid(rows, "unit_grid_code")).toEqual(new Map([["130203001001001", 2]]));
  });
});

describe("what may be done next", () => {
  const offered = (action: string) => ({ action, role: "dispatcher", needs_reason: false, takes: [] });
  it("shows the next step first and keeps what is seldom taken behind it", () => {
    const { first, more } = grouped([offered("hand_up"), offered("dispatch"), offered("split")]);
    expect(first.map((one) => one.action)).toEqual(["dispatch"]);
    expect(more.map((one) => one.action)).toEqual(["hand_up", "split"]);
    const [next] = grouped([offered("request_return"), offered("handle")]).first;
    expect(next?.action).toBe("handle");
  });
});
