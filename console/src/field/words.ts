/** The page's texts. */
import { words } from "../page/words";
import { en } from "./text_en";
import { zh } from "./text_zh";

export type { Key } from "./text_zh";
export const { t, word } = words({ zh, en });
