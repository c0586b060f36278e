import { describe, expect, it } from "vitest";
import type { Me } from "../src/api/account";
import { me } from "../src/state/account";
import { mayEngineer } from "../src/state/may";

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
      me.value = holding(...roles);
      expect([roles, mayEngineer.value]).toEqual([roles, may]);
    }
    me.value = null;
    expect(mayEngineer.value).toBe(false);
  });
});
