/** Registrations that are not settled: those that wait for a network, and those that were refused meanwhile. */
import { named } from "../page/state";
import { sent, step } from "./draft";
import { drop, line, send, waiting } from "./queue";
import { Refused } from "./refused";
import type { Waiting } from "./types";
import { t } from "./words";

export function WaitingList() {
  const shownAbove = step.value === "done" ? sent.value?.key : undefined;
  const rows = waiting.value.filter((one) => one.key !== shownAbove);
  if (!rows.length && line.value !== "lost") return null;
  return (
    <section class="queue" aria-label={t("queue.title", { count: rows.length })} data-testid="queue">
      {line.value === "lost" && (
        <p class="note" role="status">
          {t("queue.lost")}
        </p>
      )}
      {rows.length > 0 && <h2>{t("queue.title", { count: rows.length })}</h2>}
      {rows.map((one) => (
        <Row key={one.key} one={one} />
      ))}
      {rows.some((one) => !one.refusal) && (
        <button type="button" class="button" onClick={() => void send()}>
          {t("queue.retry")}
        </button>
      )}
    </section>
  );
}

function Row({ one }: { one: Waiting }) {
  const on = one.component;
  return (
    <div class="queue-row">
      <p>
        <strong>{one.registration.label}</strong>{" "}
        <span class="muted">
          {on && `${named(on.class_zh, on.class_en)} ${on.code}`} · {t(one.refusal ? "queue.refused" : "queue.waits")}
        </span>
      </p>
      {one.refusal ? (
        <Refused one={one} />
      ) : (
        <button type="button" class="text-button" onClick={() => void drop(one.key)}>
          {t("queue.drop")}
        </button>
      )}
    </div>
  );
}
