import { describe, expect, it } from "vitest";
import { commandOf, step } from "../src/state/keymap";

const pressed = (key: string, within = "BODY") => ({ key, within, ctrlKey: false, metaKey: false, altKey: false });

describe("keys", () => {
  it("mean what the help says", () => {
    expect(["j", "k", "Enter", "Escape", "/", "l", "d", "?"].map((key) => commandOf(pressed(key)))).toEqual([
      "next",
      "previous",
      "open",
      "close",
      "search",
      "lang",
      "theme",
      "help",
    ]);
  });
  it("are letters inside a field, except Esc", () => {
    expect(commandOf(pressed("l", "INPUT"))).toBeNull();
    expect(commandOf(pressed("Escape", "INPUT"))).toBe("close");
  });
  it("leave the browser's own shortcuts and a button's Enter alone", () => {
    expect(commandOf({ ...pressed("l"), ctrlKey: true })).toBeNull();
    expect(commandOf(pressed("Enter", "BUTTON"))).toBeNull();
  });
  it("move within the list and stop at its ends", () => {
    expect(step([7, 8, 9], null, 1)).toBe(7);
    expect(step([7, 8, 9], null, -1)).toBe(9);
    expect(step([7, 8, 9], 9, 1)).toBe(9);
    expect(step([7, 8, 9], 8, -1)).toBe(7);
    expect(step([7, 8, 9], 99, 1)).toBe(7);
    expect(step([], 1, 1)).toBeNull();
  });
});
