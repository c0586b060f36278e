/** Step 2: where it stands. The phone's position, the components around it on a map and as a list, one to pick. */
import { useEffect, useRef, useState } from "preact/hooks";
import { lang, named, theme } from "../page/state";
import { isUncertain, metres } from "./distance";
import { component, pick, step } from "./draft";
import type { FieldMap } from "./map";
import { lookAround, near, old, RADIUS_M } from "./surroundings";
import type { Near } from "./types";
import { follow, position, put, trouble } from "./whereabouts";
import { type Key, t } from "./words";

const SHOWN = 12;

export function PlaceStep() {
  const [ending, setEnding] = useState("");
  useEffect(() => {
    if (!position.peek()) follow();
    // somebody may have registered here since, this phone too
    lookAround(true);
  }, []);
  const all = near.value;
  const shown = (all ?? []).filter((one) => one.code.endsWith(ending)).slice(0, SHOWN);
  const chosen = component.value;
  if (chosen && !shown.some((one) => one.code === chosen.code)) shown.unshift(chosen);
  return (
    <div class="step">
      <h2 class="ask">{t("place.ask")}</h2>
      <Whereabouts />
      <PlaceMap shown={shown} />
      {old.value && <p class="note">{t(shown.length ? "place.old" : "place.empty")}</p>}
      {all && (all.length > SHOWN || ending) && (
        <input
          class="field"
          inputMode="numeric"
          value={ending}
          onInput={(event) => setEnding(event.currentTarget.value.replace(/\D/g, ""))}
          placeholder={t("place.search")}
          aria-label={t("place.search")}
        />
      )}
      {all && !all.length && !old.value && (
        <div class="note">
          <strong>{t("place.none", { radius: RADIUS_M })}</strong> {t("place.noneHint")}
        </div>
      )}
      {shown.length > 0 && <Nearest shown={shown} />}
      <div class="pair">
        <button type="button" class="button" onClick={() => (step.value = "label")}>
          {t("step.back")}
        </button>
        <button type="button" class="button primary" disabled={!chosen} onClick={() => (step.value = "type")}>
          {t("step.next")}
        </button>
      </div>
    </div>
  );
}

function Whereabouts() {
  const here = position.value;
  const wrong = trouble.value;
  if (wrong === "insecure") return <Note hint="place.insecure" />;
  if (wrong && !here) return <Note title={`place.${wrong}`} hint={`place.${wrong}Hint`} again />;
  if (!here) return <p role="status">{t("place.finding")}</p>;
  if (isUncertain(here)) return <Note title="place.bad" hint="place.badHint" again />;
  return (
    <p class="where" role="status">
      {here.moved ? t("place.moved") : t("place.accuracy", { accuracy: metres(here.accuracy_m) })}
      <button type="button" class="text-button" onClick={follow}>
        {t("place.again")}
      </button>
    </p>
  );
}

function Note({ title, hint, again = false }: { title?: Key; hint: Key; again?: boolean }) {
  const gaps = { accuracy: metres(position.value?.accuracy_m ?? 0) };
  return (
    <div class="note warn" role="alert">
      {title && <strong>{t(title, gaps)}</strong>}
      <p>{t(hint)}</p>
      {again && (
        <button type="button" class="button" onClick={follow}>
          {t("place.again")}
        </button>
      )}
    </div>
  );
}

function Nearest({ shown }: { shown: readonly Near[] }) {
  return (
    <fieldset class="nearest">
      <legend>{t("place.near")}</legend>
      {shown.map((one, index) => (
        <label key={one.code} class="near">
          <input
            type="radio"
            name="component"
            checked={component.value?.code === one.code}
            onChange={() => pick(one)}
            data-code={one.code}
          />
          <span class="near-number num" aria-hidden="true">
            {index + 1}
          </span>
          <span class="near-what">
            <strong>{named(one.class_zh, one.class_en)}</strong>
            <span class="num">
              {one.code.slice(0, 10)}
              <b>{one.code.slice(10)}</b>
            </span>
            {one.devices.length > 0 && (
              <span class="carries">{t("place.carries", { labels: one.devices.map((d) => d.label).join(", ") })}</span>
            )}
          </span>
          <span class="near-far num">{metres(one.distance_m)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** The map comes in its own piece; the list works before it, and without it. */
function PlaceMap({ shown }: { shown: readonly Near[] }) {
  const host = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<FieldMap | null>(null);
  useEffect(() => {
    let made: FieldMap | null = null;
    let wanted = true;
    import("./map").then(
      (module) => {
        if (!wanted || !host.current) return;
        made = new module.FieldMap(host.current, theme.peek(), lang.peek(), { picked: pickCode, put });
        setMap(made);
      },
      () => undefined,
    );
    return () => {
      wanted = false;
      made?.destroy();
    };
  }, []);
  useEffect(() => map?.dress(theme.value, lang.value), [map, theme.value, lang.value]);
  useEffect(() => map?.showPosition(position.value), [map, position.value]);
  useEffect(() => map?.showNear(shown, component.value?.code ?? ""), [map, near.value, component.value, shown.length]);
  return <section class="field-map" ref={host} aria-label={t("place.map")} data-testid="field-map" />;
}

function pickCode(code: string): void {
  const one = near.value?.find((item) => item.code === code);
  if (one) pick(one);
}
