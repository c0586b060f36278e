/** Texts that stand beside the part of the console that shows them, in the console's language. */
import { words as of, type Words } from "../page/words";
import { lang } from "./store";

export function words<Key extends string>(texts: { zh: Record<Key, string>; en: Record<Key, string> }): Words<Key> {
  return of(texts, () => lang.value);
}
