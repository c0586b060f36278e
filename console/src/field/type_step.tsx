/** Step 3: what it is, and how it was installed; then register. */
import { useEffect, useState } from "preact/hooks";
import { unitText } from "../lib/number";
import { named } from "../page/state";
import { distance, isFar, metres } from "./distance";
import { component, install, installed, label, occupant, plate, profile, register, replaces, step } from "./draft";
import { types, typesFailed } from "./surroundings";
import type { DeviceType, InstallParameter } from "./types";
import { position } from "./whereabouts";
import { t } from "./words";

export function TypeStep() {
  const [trouble, setTrouble] = useState("");
  const on = component.value;
  const all = types.value ?? [];
  const fitting = all.filter((type) => on && type.classes.includes(on.class_code));
  const others = all.filter((type) => !fitting.includes(type) && type.classes.length > 0);
  const chosen = all.find((type) => type.profile === profile.value) ?? null;
  useEffect(() => {
    if (fitting[0] && !fitting.some((type) => type.profile === profile.value)) profile.value = fitting[0].profile;
  }, [on?.code, all.length]);
  if (!on) return null;
  const blocked = !chosen || (occupant.value !== "" && replaces.value !== occupant.value);
  const onSubmit = (event: Event) => {
    event.preventDefault();
    if (!chosen) return;
    const values = installed(chosen, install.value);
    if (isWrong(values)) return setTrouble(outside(chosen, values.name));
    void register(values);
  };
  return (
    <form class="step" onSubmit={onSubmit} noValidate>
      {types.value === null && <p role="status">{t(typesFailed.value ? "type.unknown" : "type.loading")}</p>}
      <fieldset class="types">
        <legend class="ask">{t("type.ask")}</legend>
        {fitting.length > 0 && <p class="muted">{t("type.fits", { class: named(on.class_zh, on.class_en) })}</p>}
        {all.length > 0 && fitting.length === 0 && <p class="note warn">{t("place.noType")}</p>}
        {fitting.map((type) => (
          <TypeChoice key={type.profile} type={type} />
        ))}
        {others.length > 0 && (
          <details open={chosen !== null && others.includes(chosen)}>
            <summary>{t("type.others")}</summary>
            {others.map((type) => (
              <TypeChoice key={type.profile} type={type} />
            ))}
          </details>
        )}
      </fieldset>
      {chosen && chosen.install.length > 0 && <InstallFields type={chosen} changed={() => setTrouble("")} />}
      <PlateFields />
      {trouble && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {occupant.value && <Occupied />}
      <Summary />
      <div class="pair">
        <button type="button" class="button" onClick={() => (step.value = "place")}>
          {t("step.back")}
        </button>
        <button type="submit" class="button primary" disabled={blocked}>
          {t("type.register")}
        </button>
      </div>
    </form>
  );
}

function isWrong(values: object): values is { name: string } {
  return typeof (values as { name?: unknown }).name === "string";
}

function outside(type: DeviceType, name: string): string {
  const one = type.install.find((parameter) => parameter.name === name) as InstallParameter;
  return t("type.outside", { name: named(one.name_zh, one.name_en), min: one.min, max: one.max });
}

function TypeChoice({ type }: { type: DeviceType }) {
  return (
    <label class="choice">
      <input
        type="radio"
        name="profile"
        value={type.profile}
        checked={profile.value === type.profile}
        onChange={() => {
          profile.value = type.profile;
          replaces.value = "";
        }}
      />
      <span>{named(type.name_zh, type.name_en)}</span>
    </label>
  );
}

function InstallFields({ type, changed }: { type: DeviceType; changed: () => void }) {
  return (
    <fieldset class="install">
      <legend class="ask">{t("type.install")}</legend>
      {type.install.map((one) => (
        <label key={one.name} class="install-row">
          <span>
            {named(one.name_zh, one.name_en)} <small class="muted">{unitText(one.unit)}</small>
          </span>
          <input
            class="field num"
            inputMode="decimal"
            name={one.name}
            value={install.value[one.name] ?? ""}
            placeholder={t("type.between", { min: one.min, max: one.max })}
            onInput={(event) => {
              install.value = { ...install.value, [one.name]: event.currentTarget.value };
              changed();
            }}
          />
        </label>
      ))}
    </fieldset>
  );
}

/** What is printed on it, for the registry; the device may say it better itself. */
function PlateFields() {
  return (
    <fieldset class="install">
      <legend class="ask">{t("type.plate")}</legend>
      {(["model", "serial"] as const).map((name) => (
        <label key={name} class="install-row">
          <span>{t(`type.${name}`)}</span>
          <input
            class="field"
            name={name}
            maxLength={100}
            autocomplete="off"
            value={plate.value[name] ?? ""}
            onInput={(event) => {
              plate.value = { ...plate.value, [name]: event.currentTarget.value };
            }}
          />
        </label>
      ))}
    </fieldset>
  );
}

function Occupied() {
  const there = occupant.value;
  return (
    <div class="note warn">
      <p>{t("type.occupied", { label: there })}</p>
      <label class="choice">
        <input
          type="checkbox"
          checked={replaces.value === there}
          onChange={(event) => {
            replaces.value = event.currentTarget.checked ? there : "";
          }}
        />
        <span>{t("type.replace", { label: there })}</span>
      </label>
      <button type="button" class="text-button" onClick={() => (step.value = "place")}>
        {t("type.keep")}
      </button>
    </div>
  );
}

function Summary() {
  const on = component.value;
  const here = position.value;
  if (!on) return null;
  return (
    <div class="summary">
      <p>{t("type.summary", { label: label.value, class: named(on.class_zh, on.class_en), code: on.code })}</p>
      {here && isFar(here, on) && (
        <p class="note warn">{t("type.farWarning", { distance: metres(distance(here, on)) })}</p>
      )}
    </div>
  );
}
