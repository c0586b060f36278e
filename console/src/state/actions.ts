/** What the API offers whoever is signed in to do with an incident (it refuses everything else), and its grouping. */

/** One step that may be taken now, as `GET /incidents/{id}/actions` says. */
export interface Offered {
  action: string;
  /** as whom; sent with the command */
  role: string;
  needs_reason: boolean;
  /** further fields of the command */
  takes: string[];
}

export interface Offer {
  version: number;
  actions: Offered[];
}

/** Seldom taken: behind "more", so that the next step stands out. */
const SELDOM: ReadonlySet<string> = new Set([
  "hand_up",
  "hand_down",
  "push_down",
  "split",
  "merge",
  "cancel",
  "force_close",
]);

/** After the usual next step: what asks for something, or says no. */
const DETOUR = /^(request_(return|extension|suspension)|refuse_|reject$|deny$|check_fail$)/;

export function grouped(actions: readonly Offered[]): { first: Offered[]; more: Offered[] } {
  return {
    first: actions
      .filter((one) => !SELDOM.has(one.action))
      .sort((a, b) => Number(DETOUR.test(a.action)) - Number(DETOUR.test(b.action))),
    more: actions.filter((one) => SELDOM.has(one.action)),
  };
}
