/** Chinese texts of the console, by area. Their keys are what English must have too. */
import { account } from "./zh/account";
import { cases } from "./zh/cases";
import { frame } from "./zh/frame";
import { things } from "./zh/things";

export const zh = { ...frame, ...cases, ...things, ...account } as const;

export type Key = keyof typeof zh;
