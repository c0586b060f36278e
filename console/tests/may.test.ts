import { describe, expect, it } from "vitest";
import { type Me, mayEngineer } from "../src/api/account";

function holding(...roles: string[]): Me {
  const grants = roles.map((role) => ({ grant: `${role}@130203`, role, place_zh: null, place_en: null }));
  return { name: "li", display_name: "Li", language: "zh", grants, until: null } as unknown as Me;
}

describe("a device's steps", () => {
  it("are for engineers and administrators, wherever they are that", () => {
    for (const [roles, may] of [
      [["viewer", "engineer"], true],
      [["admin"], true],
      [["viewer", "dispatcher"], false],
      [[], false],
    ] as const) {
      expect([roles, mayEngineer(holding(...roles))]).toEqual([roles, may]);
    }
    expect(mayEngineer(null)).toBe(false);
  });
});
