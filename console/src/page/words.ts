/** Texts of a page or of one of its tabs: Chinese keys are the type, English must have the same ones. */
import { lang } from "./state";

export type Params = Record<string, string | number>;

export interface Words<Key extends string> {
  /** The text in the reader's language, with `{gaps}` filled. */
  t: (key: Key, params?: Params) => string;
  /** A text whose key ends in a word from the API, which may be newer than this page: then the word itself. */
  word: (group: string, value: string) => string;
}

export function words<Key extends string>(texts: { zh: Record<Key, string>; en: Record<Key, string> }): Words<Key> {
  return {
    t: (key, params = {}) =>
      texts[lang.value][key].replace(/\{(\w+)\}/g, (whole, gap: string) => String(params[gap] ?? whole)),
    word: (group, value) => (texts[lang.value] as Record<string, string>)[`${group}.${value}`] ?? value,
  };
}
