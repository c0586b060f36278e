import { describe, expect, it } from "vitest";
import { localPage, signInAddress } from "../src/api/sign_in";

describe("the page to go back to", () => {
  it("is one of ours", () => {
    expect(localPage("/?incident=5&lang=zh")).toBe("/?incident=5&lang=zh");
    expect(localPage("/field")).toBe("/field");
  });

  it.each(["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "evil", "", null])(
    "is never elsewhere: %s",
    (address) => {
      expect(localPage(address)).toBe("/");
    },
  );

  it("is never the sign-in page itself", () => {
    expect(localPage("/login?next=/login")).toBe("/");
  });

  it("is named where the reader signs in", () => {
    expect(signInAddress("/?incident=5")).toBe("/login?next=%2F%3Fincident%3D5");
    expect(signInAddress("/")).toBe("/login");
    expect(signInAddress("/?search=路灯")).toBe(`/login?next=${encodeURIComponent(encodeURI("/?search=路灯"))}`);
  });
});
