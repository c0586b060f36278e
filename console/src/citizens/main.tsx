/** The page `/citizens`: the facilities a city opens to everybody, the nearest first, on a map and as a list. */
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Failed, Frame, Nothing } from "../page/frame";
import { startPage } from "../page/start";
import { lang, named, theme } from "../page/state";
import { words } from "../page/words";
import "./citizens.css";
import { PublicMap } from "./public_map";
import * as s from "./state";
import { en } from "./text_en";
import { zh } from "./text_zh";

const { t } = words({ zh, en });
const glides = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

function Page() {
  return (
    <Frame title={t("citizens.title")}>
      <div class="citizens">
        <section class="finder" aria-label={t("citizens.places")}>
          <Kinds />
          <Where />
          <Places />
        </section>
        <CityMap />
      </div>
    </Frame>
  );
}

function Kinds() {
  const all = s.kinds.value ?? [];
  const choices = [{ kind: "", name: t("citizens.all"), count: 0 }].concat(
    all.map((kind) => ({ kind: kind.kind, name: named(kind.name_zh, kind.name_en), count: kind.count })),
  );
  return (
    <fieldset class="kinds">
      <legend class="unseen">{t("citizens.kinds")}</legend>
      {choices.map(({ kind, name, count }) => (
        <button
          key={kind}
          type="button"
          class="kind"
          aria-pressed={s.chosenKind.value === kind}
          onClick={() => s.chooseKind(kind)}
        >
          {name} {count > 0 && <small>{count}</small>}
        </button>
      ))}
    </fieldset>
  );
}

function Where() {
  const state = s.locating.value;
  return (
    <div class="where">
      <span>{t(s.here.value ? "citizens.fromHere" : "citizens.fromMiddle")}</span>
      {s.here.value ? (
        <button type="button" class="button" onClick={s.forgetMe}>
          {t("citizens.forget")}
        </button>
      ) : (
        <button type="button" class="button" disabled={state === "finding"} onClick={s.findMe}>
          {t(state === "finding" ? "citizens.finding" : "citizens.here")}
        </button>
      )}
      {state === "denied" && <p role="status">{t("citizens.denied")}</p>}
    </div>
  );
}

function Places() {
  if (s.failed.value) return <Failed error={s.failed.value} retry={s.again} />;
  const rows = s.places.value;
  const count = rows.length;
  if (!count && !s.loading.value) return <Nothing title={t("citizens.none")} hint={t("citizens.noneHint")} />;
  const says = s.more.value ? "citizens.nearest" : "citizens.found";
  return (
    <>
      <p class="muted says" role="status">
        {count ? t(says, { count }) : t("citizens.loading")}
      </p>
      <ol class="places" aria-busy={s.loading.value}>
        {rows.map((place) => (
          <li key={`${place.kind} ${place.lon} ${place.lat}`}>
            <PlaceRow place={place} />
          </li>
        ))}
      </ol>
    </>
  );
}

function PlaceRow({ place }: { place: s.Place }) {
  const row = useRef<HTMLButtonElement>(null);
  const isChosen = s.sameAs(place, s.chosen.value);
  const kind = s.kinds.value?.find((one) => one.kind === place.kind);
  const kindName = kind ? named(kind.name_zh, kind.name_en) : place.kind;
  const name = lang.value === "zh" ? place.name : null;
  const address = [named(place.street_zh, place.street_en), named(place.community_zh, place.community_en)];
  useEffect(() => {
    if (isChosen) row.current?.scrollIntoView({ block: "nearest" });
  }, [isChosen]);
  return (
    <button
      ref={row}
      type="button"
      class="place"
      aria-pressed={isChosen}
      onClick={() => {
        s.chosen.value = place;
      }}
    >
      <strong>{name || kindName}</strong>
      {place.distance_m !== null && <span class="num">{s.distance(place.distance_m)}</span>}
      <span class="muted">{[name && name !== kindName ? kindName : "", ...address].filter(Boolean).join(" · ")}</span>
    </button>
  );
}

function CityMap() {
  const host = useRef<HTMLDivElement>(null);
  const map = useRef<PublicMap | null>(null);
  useEffect(() => {
    if (!host.current) return;
    const pick = (at: number) => {
      s.chosen.value = s.places.value[at] ?? null;
    };
    const moved = (middle: s.Position) => {
      s.middle.value = middle;
    };
    const one = new PublicMap(host.current, theme.peek(), lang.peek(), moved, pick);
    map.current = one;
    return () => one.destroy();
  }, []);
  useSignalEffect(() => map.current?.dress(theme.value, lang.value));
  useSignalEffect(() => map.current?.show(s.places.value, s.chosen.value, s.here.value));
  useSignalEffect(() => map.current?.filter(s.chosenKind.value));
  useSignalEffect(() => {
    if (!s.box.value) return;
    map.current?.fit(s.box.value, false);
    s.middle.value = map.current?.middle() ?? null;
  });
  const shownFrom = useRef<s.Position | null>(null);
  useSignalEffect(() => {
    const [here, rows] = [s.here.value, s.places.value];
    if (!here || s.loading.value || shownFrom.current === here) return;
    shownFrom.current = here;
    map.current?.fit(s.around(here, rows), glides());
  });
  useSignalEffect(() => {
    const place = s.chosen.value;
    if (place) map.current?.goTo([place.lon, place.lat], glides());
  });
  return <section class="city-map" ref={host} aria-label={t("citizens.map")} />;
}

s.start();
startPage(() => `${t("citizens.title")} · CityGrid`, Page);
