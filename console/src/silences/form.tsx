/** The form for a silence or maintenance window; an incident or a device fills in what it is about. */
import { useState } from "preact/hooks";
import type { Me } from "../api/account";
import { post } from "../api/client";
import { instantIn } from "../lib/time";
import { Failed } from "../page/frame";
import { PlacePicker } from "../page/place_picker";
import type { Places } from "../page/places";
import { go } from "../page/route";
import { named } from "../page/state";
import type { Rule } from "./types";
import { WindowFields } from "./window_fields";
import { DAYS, linesOf, matcherOf, windowsOf } from "./wish";
import { t } from "./words";

const HOUR_MS = 3_600_000;
const LENGTHS = [1, 4, 12, 24, 72, 168];
const SEVERITIES = { info: "info", minor: "info|minor", major: "info|minor|major" } as const;
const GIVEN = "given";

interface FormProps {
  me: Me;
  rules: readonly Rule[];
  places: Places;
  zone: string;
}

type Fields = (name: string) => string;

function matchersOf(text: Fields): string[] {
  const severity = SEVERITIES[text("severity") as keyof typeof SEVERITIES];
  return [
    ...(text("rule") ? [matcherOf("alertname", text("rule"))] : []),
    ...(text("device") ? [matcherOf("device", text("device"))] : []),
    ...(severity ? [matcherOf("severity", severity, "=~")] : []),
    ...linesOf(text("more")),
  ];
}

/** What is to be sent; a text says what is missing. */
function wishOf(given: FormData, areas: string[], zone: string): Record<string, unknown> | string {
  const text: Fields = (name) => String(given.get(name) ?? "").trim();
  const matchers = matchersOf(text);
  if (!matchers.length && !areas.length) return t("form.tooWide");
  const start = text("from") ? instantIn(text("from"), zone) : null;
  const isGiven = text("length") === GIVEN;
  if (isGiven && !text("until")) return t("form.noEnd");
  const end = isGiven ? instantIn(text("until"), zone) : (start ?? Date.now()) + Number(text("length")) * HOUR_MS;
  const [opens, closes] = [text("opens"), text("closes")];
  if (given.has("window") && (!opens || !closes || opens === closes)) return t("form.noWindow");
  return {
    matchers,
    areas: areas.map((code) => code.replace(/^grid:/, "")),
    starts_at: start && new Date(start).toISOString(),
    ends_at: new Date(end).toISOString(),
    windows: given.has("window")
      ? windowsOf(
          DAYS.filter((day) => given.has(day)),
          opens,
          closes,
        )
      : null,
    reason: text("reason"),
  };
}

/** Who works in a part of the city begins with that part: elsewhere the API refuses. */
function firstPlace(me: Me): string {
  const grants = me.grants.map((held) => held.grant.split("@")[1] ?? "");
  return grants.includes("") ? "" : (grants[0] ?? "");
}

export function NewSilence({ me, rules, places, zone }: FormProps) {
  const [asked] = useState(() => new URLSearchParams(location.search));
  const [areas, setAreas] = useState([firstPlace(me)]);
  const [error, setError] = useState<Error | null>(null);
  const [missing, setMissing] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const wish = wishOf(new FormData(event.currentTarget as HTMLFormElement), areas.filter(Boolean), zone);
    setError(null);
    setMissing(typeof wish === "string" ? wish : "");
    if (typeof wish === "string") return;
    setBusy(true);
    post("/silences", wish)
      .then(() => go(""), setError)
      .finally(() => setBusy(false));
  };
  return (
    <form class="form-card" onSubmit={submit}>
      <h2>{t("silences.new")}</h2>
      <What asked={asked} rules={rules} />
      <Where areas={areas} change={setAreas} places={places} />
      <When />
      <WindowFields />
      <p class="muted">{t("form.zone", { zone })}</p>
      <label class="form-row">
        <span>{t("silences.reason")}</span>
        <input class="field" name="reason" required maxLength={2000} pattern=".*\S.*" autocomplete="off" />
      </label>
      {missing && <p role="alert">{missing}</p>}
      {error && <Failed error={error} />}
      <div class="form-buttons">
        <button type="submit" class="button primary" disabled={busy}>
          {t("form.create")}
        </button>
        <button type="button" class="button" onClick={() => go("")}>
          {t("page.cancel")}
        </button>
      </div>
    </form>
  );
}

function What({ asked, rules }: { asked: URLSearchParams; rules: readonly Rule[] }) {
  const rule = asked.get("rule") ?? "";
  const names = new Map(rules.map((one) => [one.rule, named(one.summary_zh, one.summary_en)]));
  if (rule && !names.has(rule)) names.set(rule, rule);
  return (
    <>
      <label class="form-row">
        <span>{t("form.rule")}</span>
        <select class="field" name="rule" key={names.size}>
          <option value="">{t("form.anyRule")}</option>
          {[...names].map(([one, title]) => (
            <option key={one} value={one} selected={one === rule}>
              {title === one ? one : `${title} (${one})`}
            </option>
          ))}
        </select>
      </label>
      <label class="form-row">
        <span>{t("form.device")}</span>
        <input class="field" name="device" maxLength={64} defaultValue={asked.get("device") ?? ""} autocomplete="off" />
      </label>
      <label class="form-row">
        <span>{t("form.severity")}</span>
        <select class="field" name="severity">
          <option value="">{t("form.anySeverity")}</option>
          <option value="info">{t("form.info")}</option>
          <option value="minor">{t("form.minor")}</option>
          <option value="major">{t("form.major")}</option>
        </select>
      </label>
      <details>
        <summary>{t("form.more")}</summary>
        <p class="muted">{t("form.moreHint")}</p>
        <textarea class="field" name="more" aria-label={t("form.more")} rows={3} spellcheck={false} />
      </details>
    </>
  );
}

interface WhereProps {
  areas: readonly string[];
  change: (areas: string[]) => void;
  places: Places;
}

function Where({ areas, change, places }: WhereProps) {
  return (
    <fieldset class="grants">
      <legend>{t("form.where")}</legend>
      {areas.map((area, index) => (
        <div class="grants-add" key={index}>
          <PlacePicker
            value={area}
            choose={(code) => change(areas.map((one, at) => (at === index ? code : one)))}
            places={places}
          />
          {areas.length > 1 && (
            <button
              type="button"
              class="button"
              aria-label={t("form.dropPlace")}
              onClick={() => change(areas.filter((_, at) => at !== index))}
            >
              ×
            </button>
          )}
        </div>
      ))}
      {areas.every(Boolean) && (
        <div>
          <button type="button" class="text-button" onClick={() => change([...areas, ""])}>
            {t("form.anotherPlace")}
          </button>
        </div>
      )}
    </fieldset>
  );
}

function When() {
  const [length, setLength] = useState("4");
  return (
    <>
      <label class="form-row">
        <span>
          {t("form.from")} <span class="muted">({t("form.now")})</span>
        </span>
        <input class="field" type="datetime-local" name="from" />
      </label>
      <label class="form-row">
        <span>{t("form.length")}</span>
        <select class="field" name="length" value={length} onChange={(event) => setLength(event.currentTarget.value)}>
          {LENGTHS.map((hours) => (
            <option key={hours} value={hours}>
              {hours > 24 ? t("form.days", { days: hours / 24 }) : t("form.hours", { hours })}
            </option>
          ))}
          <option value={GIVEN}>{t("form.untilGiven")}</option>
        </select>
      </label>
      {length === GIVEN && (
        <label class="form-row">
          <span>{t("form.until")}</span>
          <input class="field" type="datetime-local" name="until" />
        </label>
      )}
    </>
  );
}
