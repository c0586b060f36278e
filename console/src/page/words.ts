/** Texts of a page or of one of its tabs: Chinese keys are the type, English must have the same ones. */
import type { Lang } from "../lib/time";
import { lang } from "./state";

export type Params = Record<string, string | number>;

export interface Words<Key extends string> {
  /** The text in the reader's language, with `{gaps}` filled. */
  t: (key: Key, params?: Params) => string;
  /** A text whose key ends in a word from the API, which may be newer than this page: then the word itself. */
  word: (group: string, value: string) => string;
}

/** `reads` says the reader's language: the small pages', unless another is named (the console's: `state/words`). */
export function words<Key extends string>(
  texts: { zh: Record<Key, string>; en: Record<Key, string> },
  reads: () => Lang = () => lang.value,
): Words<Key> {
  return {
    t: (key, params = {}) =>
      texts[reads()][key].replace(/\{(\w+)\}/g, (whole, gap: string) => String(params[gap] ?? whole)),
    word: (group, value) => (texts[reads()] as Record<string, string>)[`${group}.${value}`] ?? value,
  };
}
