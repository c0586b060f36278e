/** Who is signed in, and what the reader does with the own account. */
import { signal } from "@preact/signals";
import { signOut as endSession, keepLanguage, type Me, whoAmI } from "../api/account";
import { goSignIn } from "../api/sign_in";
import { lang, languageWasChosen, setLang } from "./store";

export const me = signal<Me | null>(null);

/** A browser that has no language of its own yet takes the account's. */
export async function loadMe(): Promise<void> {
  try {
    me.value = await whoAmI();
    if (!languageWasChosen) setLang(me.value.language);
  } catch {
    // the client leads to the sign-in page when nobody is signed in; without a network there is nobody to show
  }
}

export async function signOut(): Promise<void> {
  await endSession();
  goSignIn();
}

/** The account remembers the language the reader switched to, for the next browser. */
export function rememberLanguage(): void {
  if (me.value && me.value.language !== lang.value) {
    keepLanguage(lang.value).then(
      (now) => {
        me.value = now;
      },
      () => undefined,
    );
  }
}
