/** The page's texts, with those all small pages share. */
import { en as pageEn } from "../page/text_en";
import { zh as pageZh } from "../page/text_zh";
import { words } from "../page/words";
import { en } from "./text_en";
import { zh } from "./text_zh";

export const { t, word } = words({ zh: { ...pageZh, ...zh }, en: { ...pageEn, ...en } });
