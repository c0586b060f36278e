/** Small parts many panels use: times, empty and error states, skeletons, the deadline bar. */
import type { ComponentChildren } from "preact";
import { ApiError } from "../api/client";
import type { Incident } from "../api/types";
import { timeLeft } from "../lib/deadline";
import { absolute, span } from "../lib/time";
import { lang, nowMs, t, zone } from "../state/store";

/** How long ago, with the absolute time of the city on hover. */
export function Age({ at }: { at: string }) {
  const text = t("list.age", { span: span(nowMs.value - Date.parse(at), lang.value) });
  return (
    <time dateTime={at} title={absolute(at, zone.value)}>
      {text}
    </time>
  );
}

export function At({ at }: { at: string | null }) {
  if (!at) return <>–</>;
  return (
    <time dateTime={at} title={zone.value} class="num">
      {absolute(at, zone.value)}
    </time>
  );
}

export function DeadlineBar({ incident }: { incident: Incident }) {
  const { urgency, left, ms } = timeLeft(incident, nowMs.value);
  const key = { calm: "list.remaining", soon: "list.remaining", overdue: "list.overdue", done: "list.done" } as const;
  const ended = Date.parse(incident.closed_at ?? incident.recovered_at ?? incident.opened_at);
  const shown = urgency === "done" ? ended - Date.parse(incident.opened_at) : ms;
  const share = urgency === "overdue" ? 1 : left;
  if (!incident.deadline && urgency !== "done") return <span class="due muted">{t("list.noClock")}</span>;
  const due = incident.deadline ? absolute(incident.deadline, zone.value) : "–";
  return (
    <span class={`due due-${urgency}`} title={`${t("detail.deadline")} ${due}`}>
      <span class="due-track">
        <span class="due-fill" style={{ transform: `scaleX(${share.toFixed(4)})` }} />
      </span>
      <span class="due-text num">
        {urgency !== "done" && stageName(incident.limit_stage)}
        {t(key[urgency], { span: span(shown, lang.value) })}
      </span>
    </span>
  );
}

/** what the limit asks for next, before the time; nothing when it has one stage */
function stageName(stage: string | null): string {
  if (!stage || stage === "dispose") return "";
  const known = stage === "make_safe" || stage === "repair" ? t(`limit.${stage}`) : stage;
  return `${known} · `;
}

export function Empty({ title, hint, children }: { title: string; hint?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {hint && <p>{hint}</p>}
      {children}
    </div>
  );
}

export function ErrorBox({ error, retry }: { error: Error; retry: () => void }) {
  const kind = error instanceof ApiError ? error.kind : "server";
  const shown = kind === "conflict" || kind === "missing" ? "refused" : kind;
  return (
    <div class="empty error" role="alert">
      <strong>{t(`error.${shown}`)}</strong>
      <p>
        {t(`error.${shown}Hint`)}
        {shown === "refused" && ` ${error.message}`}
      </p>
      <button type="button" class="button" onClick={retry}>
        {t("error.retry")}
      </button>
    </div>
  );
}

export function Skeleton({ rows, tall = false }: { rows: number; tall?: boolean }) {
  return (
    <div class={tall ? "skeleton tall" : "skeleton"} aria-hidden="true">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} class="skeleton-row">
          <i />
          <i />
          <i />
        </div>
      ))}
    </div>
  );
}

export function Section({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="section">
      <header class="section-head">
        <h3>{title}</h3>
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
