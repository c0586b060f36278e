/** A refusal in words, and what can be done about it. Pure: gives keys and gaps, the page writes them. */
import { metres } from "./distance";
import type { Key } from "./text_zh";
import type { Refusal, Registration } from "./types";

export type Choice = "replace" | "other" | "otherType" | "relabel" | "insist" | "locate" | "show" | "drop";

export interface Explanation {
  title: Key;
  hint: Key;
  gaps: Record<string, string>;
  choices: Choice[];
}

interface Reader {
  named: (zhName: unknown, enName: unknown) => string;
  time: (at: unknown) => string;
  type: (profile: unknown) => string;
  never: string;
}

const CHOICES: Record<string, Choice[]> = {
  already_registered: ["relabel", "show", "drop"],
  occupied: ["replace", "other", "show", "drop"],
  wrong_class: ["otherType", "other", "drop"],
  far_from_component: ["other", "locate", "insist", "drop"],
  unknown_component: ["other", "drop"],
  out_of_area: ["other", "drop"],
  not_granted: ["drop"],
  not_in_batch: ["relabel", "insist", "drop"],
  other_type_in_batch: ["otherType", "relabel", "drop"],
  unknown_profile: ["otherType", "drop"],
  key_used: ["drop"],
  invalid: ["relabel", "otherType", "drop"],
};

export function explain(refusal: Refusal, registration: Registration, reader: Reader): Explanation {
  const { facts } = refusal;
  const reason = refusal.reason in CHOICES ? refusal.reason : "invalid";
  const place = `${reader.named(facts.class_zh, facts.class_en)} ${facts.component_code ?? ""}`.trim();
  const nowhere = reason === "already_registered" && !facts.component_code;
  return {
    title: `refused.${reason}` as Key,
    hint: (nowhere ? "refused.already_registeredNowhere" : `refused.${reason}Hint`) as Key,
    gaps: {
      label: String(facts.occupant ?? registration.label),
      where: place,
      by: String(facts.registered_by ?? ""),
      at: reader.time(facts.registered_at),
      last: facts.last_ts ? reader.time(facts.last_ts) : reader.never,
      class: reader.named(facts.class_zh, facts.class_en),
      code: String(facts.component_code ?? registration.component_code),
      types: Array.isArray(facts.fitting) ? facts.fitting.map(reader.type).join(" · ") || "–" : "–",
      distance: metres(Number(facts.distance_m ?? 0)),
      limit: metres(Number(facts.limit_m ?? 0)),
      listed: reader.type(facts.listed_as ?? ""),
      message: refusal.message,
    },
    choices: CHOICES[reason] ?? ["drop"],
  };
}
