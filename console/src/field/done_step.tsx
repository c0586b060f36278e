/** Step 4: what became of it. On its way, refused with choices, or registered: then the first reading is awaited. */
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../api/client";
import { withUnit } from "../lib/number";
import { span } from "../lib/time";
import { lang, named } from "../page/state";
import { sent, startOver } from "./draft";
import { line, taken, waiting } from "./queue";
import { Refused } from "./refused";
import { types } from "./surroundings";
import { type Key, t, word } from "./words";

const EVERY_MS = 1_500;
const ADVICE_AFTER_MS = 15_000;
const ADVICE: Key[] = ["done.advice1", "done.advice2", "done.advice3", "done.advice4"];

interface Shown {
  state: string;
  latest: { ts: string; received_at: string; quality: string[] } | null;
  channels: { channel: string; unit: string; name_zh: string; name_en: string; value: number | null }[];
}

export function DoneStep() {
  const mine = sent.value;
  if (!mine) return null;
  const one = waiting.value.find((item) => item.key === mine.key);
  const done = taken.value.find((item) => item.key === mine.key);
  return (
    <div class="step">
      {one?.refusal && <Refused one={one} />}
      {one && !one.refusal && <OnItsWay label={mine.label} />}
      {!one && !done && <p role="status">{t("done.sending")}</p>}
      {done && (
        <>
          <p class="ask" role="status">
            {t("done.sent", { label: done.label })}
          </p>
          {done.replaced && <p>{t("done.replaced", { label: done.replaced })}</p>}
          <FirstReading label={done.label} profile={mine.profile} since={mine.at_ms} />
        </>
      )}
      {!one?.refusal && (
        <button type="button" class="button primary wide" onClick={startOver}>
          {t("done.next")}
        </button>
      )}
    </div>
  );
}

function OnItsWay({ label }: { label: string }) {
  if (line.value === "ok") return <p role="status">{t("done.sending")}</p>;
  return (
    <div class="note" role="status">
      <strong>{t("done.waiting", { label })}</strong>
      <p>{t(line.value === "lost" ? "done.waitingHint" : "done.signedOut")}</p>
      {line.value === "signed-out" && (
        <a class="button" href="/login?next=/field">
          {t("done.signIn")}
        </a>
      )}
    </div>
  );
}

/** The newest reading that came after the registration; asked for until it is there. */
function useFirstReading(label: string): Shown | null {
  const [shown, setShown] = useState<Shown | null>(null);
  useEffect(() => {
    let wanted = true;
    const ask = async () => {
      while (wanted) {
        const device = await get<Shown>(`/devices/${encodeURIComponent(label)}`).catch(() => null);
        if (!wanted) return;
        if (device?.latest) return setShown(device);
        await new Promise((done) => setTimeout(done, EVERY_MS));
      }
    };
    void ask();
    return () => {
      wanted = false;
    };
  }, [label]);
  return shown;
}

function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

function FirstReading({ label, profile, since }: { label: string; profile: string; since: number }) {
  const shown = useFirstReading(label);
  const now = useNow(true);
  if (!shown?.latest) return <Listening profile={profile} waited={now - since} />;
  // that rules do not look yet is no doubt of the reading
  const doubts = shown.latest.quality.filter((flag) => flag !== "not_in_service").map((flag) => word("doubt", flag));
  const values = shown.channels.filter((channel) => channel.value !== null);
  return (
    <section class="first" aria-live="polite" data-testid="first-reading">
      <h3>
        <i class="first-dot" aria-hidden="true" />
        {t("done.first")}{" "}
        <small class="muted">
          {t("done.at", { span: span(now - Date.parse(shown.latest.received_at), lang.value) })}
        </small>
      </h3>
      {doubts.length > 0 && <p class="note warn">{t("done.doubtful", { doubts: doubts.join(" · ") })}</p>}
      <dl class="values">
        {values.map((channel) => (
          <div key={channel.channel}>
            <dt>{named(channel.name_zh, channel.name_en)}</dt>
            <dd class="num">{withUnit(channel.value, channel.unit)}</dd>
          </div>
        ))}
      </dl>
      <IntoService label={label} />
      <a href={`/?device=${encodeURIComponent(label)}`}>{t("done.more")}</a>
    </section>
  );
}

/** The last step of its life here: from then on the city relies on it. */
function IntoService({ label }: { label: string }) {
  const [state, setState] = useState<"no" | "asked" | "yes" | "failed">("no");
  const ask = () => {
    setState("asked");
    post(`/devices/${encodeURIComponent(label)}/state`, { to: "in_service" }).then(
      () => setState("yes"),
      () => setState("failed"),
    );
  };
  if (state === "yes") return <p role="status">{t("done.inService")}</p>;
  return (
    <>
      {state === "failed" && <p role="alert">{t("done.notInService")}</p>}
      <button type="button" class="button" disabled={state === "asked"} onClick={ask}>
        {t("done.intoService")}
      </button>
    </>
  );
}

function Listening({ profile, waited }: { profile: string; waited: number }) {
  const type = types.value?.find((item) => item.profile === profile);
  return (
    <section class="listen">
      <p role="status">
        <i class="listen-dot" aria-hidden="true" />
        {t("done.listen")}
      </p>
      <small class="muted num">{t("done.elapsed", { span: span(waited, lang.value) })}</small>
      {waited > ADVICE_AFTER_MS && (
        <div class="note" data-testid="advice">
          <strong>{t("done.advice")}</strong>
          <ul>
            {ADVICE.map((key) => (
              <li key={key}>{t(key)}</li>
            ))}
            {type && <li>{t("done.advice5", { span: span(type.interval_s * 1000, lang.value) })}</li>}
          </ul>
        </div>
      )}
    </section>
  );
}
