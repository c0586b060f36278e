import { describe, expect, it } from "vitest";
import { formatRoute, parseRoute } from "../src/page/route";
import { TABS } from "../src/registry/tabs";

type Texts = Record<string, Record<string, string>>;

const texts = import.meta.glob<Texts>("../src/**/*text_{zh,en}.ts", { eager: true });
const gaps = (value: string) => [...value.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe("the small pages' texts", () => {
  const files = Object.keys(texts).filter((file) => file.endsWith("text_zh.ts"));
  it.each(files)("%s has its English with the same keys and gaps to fill", (file) => {
    const zh = texts[file]?.zh ?? {};
    const en = texts[file.replace(/zh\.ts$/, "en.ts")]?.en ?? {};
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const [key, value] of Object.entries(zh)) expect([key, gaps(en[key] ?? "")]).toEqual([key, gaps(value)]);
  });
});

describe("a small page's address", () => {
  it("keeps the tab and what is open in it", () => {
    for (const route of [
      { page: "registry", tab: "surveys", rest: "17" },
      { page: "registry", tab: "types", rest: "" },
      { page: "people", tab: "audit", rest: "a b/c" },
    ])
      expect(parseRoute(formatRoute(route))).toEqual(route);
  });
  it("may leave the tab out", () => expect(parseRoute("/registry")).toEqual({ page: "registry", tab: "", rest: "" }));
  it("names each tab once", () => expect(new Set(TABS.map((tab) => tab.id)).size).toBe(TABS.length));
});
