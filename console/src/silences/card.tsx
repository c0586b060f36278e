/** One silence: what it holds back, where, when, who wants it and why, and the way to end it. */
import { useState } from "preact/hooks";
import { del } from "../api/client";
import { absolute } from "../lib/time";
import { Ask } from "../page/ask";
import { Failed } from "../page/frame";
import { useList } from "../page/more";
import { placeName } from "../page/place_picker";
import type { Places } from "../page/places";
import { lang, named } from "../page/state";
import type { Muted, Rule, Silence } from "./types";
import { equalsOf, type Window } from "./wish";
import { t, word } from "./words";

interface CardProps {
  silence: Silence;
  rules: readonly Rule[];
  places: Places;
  zone: string;
  /** whether the reader may end it, as far as roles say */
  may: boolean;
  changed: () => void;
}

export function Card({ silence, rules, places, zone, may, changed }: CardProps) {
  const at = (moment: string) => absolute(moment, zone).slice(0, -3);
  const what = silence.matchers.map((matcher) => matcherText(matcher, rules));
  const where = silence.areas.map((code) => placeName(places, code));
  if (silence.polygon) where.push(t("silences.outline"));
  const end = (reason: string) => del(`/silences/${silence.silence_id}`, { reason }).then(changed);
  const number = `#${silence.silence_id}`;
  return (
    <article class="form-card" aria-label={number} data-testid="silence">
      <h2>
        <span class="tag">{word("state", silence.state)}</span> <span class="muted">{number}</span>{" "}
        {what.join(" · ") || t("silences.everything")}
      </h2>
      {where.length > 0 && <p>{where.join("; ")}</p>}
      <p class="num">{t("silences.span", { from: at(silence.starts_at), until: at(silence.ends_at) })}</p>
      {silence.windows?.map((window) => (
        <p key={JSON.stringify(window)}>{windowText(window)}</p>
      ))}
      <p>{t("silences.by", { author: silence.author, reason: silence.reason })}</p>
      {silence.ended_by && (
        <p>{t("silences.endedBy", { author: silence.ended_by, reason: silence.ended_reason ?? "" })}</p>
      )}
      <p class="muted">{t("silences.holds", { now: silence.holds_back, ever: silence.held_back })}</p>
      {silence.holds_back > 0 && <Cases silence={silence} rules={rules} zone={zone} />}
      {may && silence.state !== "expired" && (
        <div>
          <Ask label={t("silences.end")} question={t("silences.endAsk")} reason={t("silences.reason")} run={end} />
        </div>
      )}
    </article>
  );
}

function ruleText(name: string, rules: readonly Rule[]): string {
  const rule = rules.find((one) => one.rule === name);
  return rule ? named(rule.summary_zh, rule.summary_en) : name;
}

/** A condition in words where it is a plain one; anything else as it is written. */
function matcherText(matcher: string, rules: readonly Rule[]): string {
  const equals = equalsOf(matcher);
  if (!equals) return matcher;
  const { label, values } = equals;
  if (label === "alertname") return values.map((name) => ruleText(name, rules)).join(" / ");
  return `${word("label", label)} ${values.map((value) => (label === "severity" ? word(label, value) : value)).join(" / ")}`;
}

/** `Monday, Sunday 02:00–04:00`; a window that says more, as it is written. */
export function windowText(window: Window): string {
  const { weekdays = [], times = [], ...more } = window;
  if (Object.keys(more).length || !times.length) return JSON.stringify(window);
  const days = weekdays.map((day) =>
    day
      .split(":")
      .map((one) => word("day", one))
      .join("–"),
  );
  const hours = times.map(({ start_time, end_time }) => `${start_time}–${end_time}`);
  return `${days.join(lang.value === "zh" ? "、" : ", ") || t("silences.everyDay")} ${hours.join(", ")}`;
}

interface CasesProps {
  silence: Silence;
  rules: readonly Rule[];
  zone: string;
}

function Cases({ silence, rules, zone }: CasesProps) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("silences.cases")}</summary>
      {open && <CaseList number={silence.silence_id} rules={rules} zone={zone} />}
    </details>
  );
}

function CaseList({ number, rules, zone }: { number: number; rules: readonly Rule[]; zone: string }) {
  const { items, error, more, reload } = useList<Muted>("/muted", { muted_by: `silence:${number}`, standing: "true" });
  if (error) return <Failed error={error} retry={reload} />;
  if (items?.length === 0) return <p class="muted">{t("silences.noCases")}</p>;
  return (
    <>
      <ul>
        {items?.map((one) => (
          <li key={one.muted_id}>
            {word("severity", one.severity)} · {ruleText(one.rule, rules)} · {one.device_label} ·{" "}
            {absolute(one.fired_ts, zone)}
          </li>
        ))}
      </ul>
      {more && (
        <button type="button" class="button" onClick={more}>
          {t("page.more")}
        </button>
      )}
    </>
  );
}
