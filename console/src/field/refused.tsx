/** Why a registration was refused, in plain words, with what can be done about it as buttons. */
import { absolute } from "../lib/time";
import { named } from "../page/state";
import { correct, sent, startOver } from "./draft";
import { type Choice, explain } from "./explain";
import { change, drop } from "./queue";
import { types } from "./surroundings";
import type { Waiting } from "./types";
import { follow } from "./whereabouts";
import { t } from "./words";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function Refused({ one }: { one: Waiting }) {
  if (!one.refusal) return null;
  const { facts } = one.refusal;
  const told = explain(one.refusal, one.registration, {
    named: (zhName, enName) => named(String(zhName ?? ""), String(enName ?? "")),
    time: (at) => (typeof at === "string" ? absolute(at, ZONE).slice(0, 16) : "–"),
    type: typeName,
    never: t("refused.never"),
  });
  return (
    <div class="note refusal" role="alert" data-reason={one.refusal.reason}>
      <strong>{t(told.title, told.gaps)}</strong>
      <p>{t(told.hint, told.gaps)}</p>
      <div class="choices">
        {told.choices.map((choice, index) =>
          choice === "show" ? (
            <a key={choice} class="button" href={`/?device=${encodeURIComponent(String(told.gaps.label))}`}>
              {t("choice.show", told.gaps)}
            </a>
          ) : (
            <button
              key={choice}
              type="button"
              class={index === 0 ? "button primary" : "button"}
              onClick={() => void act(choice, one, facts)}
            >
              {t(`choice.${choice}`, told.gaps)}
            </button>
          ),
        )}
      </div>
    </div>
  );
}

function typeName(profile: unknown): string {
  const type = types.value?.find((item) => item.profile === profile);
  return type ? named(type.name_zh, type.name_en) : String(profile);
}

async function act(choice: Choice, one: Waiting, facts: Record<string, unknown>): Promise<void> {
  if (choice === "replace") return again(one, { replaces: String(facts.occupant ?? "") });
  if (choice === "insist") {
    return again(one, { insists: [...one.registration.insists, one.refusal?.reason ?? ""] });
  }
  await drop(one.key);
  if (choice === "drop") {
    if (sent.value?.key === one.key) startOver();
    return;
  }
  if (choice === "locate") follow();
  correct(one, choice === "relabel" ? "label" : choice === "otherType" ? "type" : "place");
}

async function again(one: Waiting, changes: { replaces?: string; insists?: string[] }): Promise<void> {
  await change(one, changes, (key) => {
    sent.value = { key, label: one.registration.label, profile: one.registration.profile, at_ms: Date.now() };
  });
}
