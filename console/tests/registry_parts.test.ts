import { expect, test } from "vitest";
import { codesOf } from "../src/registry/ownership_form";
import { projection } from "../src/registry/surveys_map";

test("codes are read however people part them", () => {
  expect(codesOf(" 0101 0102，0103、0104;0105\n0106 ")).toEqual(["0101", "0102", "0103", "0104", "0105", "0106"]);
  expect(codesOf("  ")).toEqual([]);
});

test("a map of findings keeps them inside and north up", () => {
  const place = projection([
    [118.1, 39.6],
    [118.2, 39.7],
  ]);
  const [[westX, southY], [eastX, northY]] = [place([118.1, 39.6]), place([118.2, 39.7])];
  for (const value of [westX, southY, eastX, northY]) expect(value).toBeGreaterThan(0);
  expect(westX).toBeLessThan(eastX);
  expect(northY).toBeLessThan(southY);
  expect(eastX).toBeLessThan(720);
  expect(southY).toBeLessThan(360);
});
