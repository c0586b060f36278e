/** Who reads this page; it is asked once. */
import { signal } from "@preact/signals";
import { type Me, whoAmI } from "../api/account";

export const me = signal<Me | null>(null);
export const unknown = signal<Error | null>(null);

export async function loadMe(): Promise<void> {
  unknown.value = null;
  try {
    me.value = await whoAmI();
  } catch (error) {
    unknown.value = error as Error;
  }
}
