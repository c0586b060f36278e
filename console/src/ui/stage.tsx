/** The map's place on the page: ties the map to the state, and carries its few buttons and the one legend. */
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import { type Camera, CityMap } from "../map/city_map";
import { boxOf, namePoints } from "../map/features";
import { palette } from "../map/palette";
import { adjust, select } from "../state/control";
import { countByGrid, matching, mustAct } from "../state/incidents";
import { flight, locate } from "../state/locate";
import { devices, lang, nowMs, openRows, t, theme, view } from "../state/store";
import { Icon } from "./glyphs";
import { Legend } from "./legend";
import { Empty } from "./parts";

type Features = GeoJSON.FeatureCollection;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function Stage() {
  const host = useRef<HTMLDivElement>(null);
  const [city, setCity] = useState<CityMap | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!host.current) return;
    let made: CityMap;
    try {
      made = open(host.current);
    } catch {
      setFailed(true);
      return;
    }
    setCity(made);
    const stops = follow(made);
    void loadPlaces(made);
    return () => {
      for (const stop of stops) stop();
      made.destroy();
    };
  }, []);
  return (
    <section class="city" aria-label={t("map.label")}>
      <div class="map" ref={host} data-testid="map" />
      {failed && (
        <div class="map-failed">
          <Empty title={t("map.failed")} hint={t("map.failedHint")} />
        </div>
      )}
      {city && <MapButtons city={city} />}
      {city && <Legend />}
    </section>
  );
}

function open(container: HTMLElement): CityMap {
  const looks = { colours: palette(theme.peek()), lang: lang.peek(), glides: () => !calm.matches };
  const city = new CityMap(container, looks, view.peek().camera, {
    moved: (camera: Camera) => adjust({ camera }),
    incident: (id) => select({ kind: "incident", id }),
    device: (label) => select({ kind: "device", id: label }),
    component: (code) => select({ kind: "component", id: code }),
    nothing: () => undefined,
  });
  if (import.meta.env.MODE !== "production") Object.assign(window, { city });
  return city;
}

/** Everything on the map follows a signal; each effect does one thing. */
function follow(city: CityMap): (() => void)[] {
  let asked = locate.peek()?.asked ?? 0;
  const acting = () => {
    const tick = Math.floor(nowMs.value / 5_000) * 5_000;
    return openRows.value.filter((row) => mustAct(row, tick));
  };
  return [
    effect(() => city.dress({ colours: palette(theme.value), lang: lang.value, glides: () => !calm.matches })),
    effect(() => city.setDevices(devices.value)),
    effect(() => city.setIncidents(matching(openRows.value, view.value), matching(acting(), view.value))),
    effect(() => {
      city.shade("patrol_grids", countByGrid(openRows.value, "patrol_grid_code"));
      city.shade("unit_grids", countByGrid(openRows.value, "unit_grid_code"));
    }),
    effect(() => {
      const chosen = view.value.selection;
      const at = locate.value;
      if (!chosen || !at) return city.choose(null);
      city.choose(at.position);
      if (at.asked !== asked || !city.gl.getBounds().contains(at.position)) city.goTo(at.position, !calm.matches);
      asked = at.asked;
    }),
    effect(() => {
      const to = flight.value;
      if (!to) return;
      if (to.box) city.show(to.box, !calm.matches);
      else city.goTo(to.position, !calm.matches);
    }),
  ];
}

async function loadPlaces(city: CityMap): Promise<void> {
  try {
    const [districts, patrol] = await Promise.all([
      get<Features>("/areas", { level: "district" }),
      get<Features>("/grids/patrol"),
    ]);
    const drawn = { ...districts, features: districts.features.filter((feature) => feature.geometry) };
    city.setData("districts", drawn);
    city.setData("patrol", namePoints(patrol));
    const all = patrol.features.length ? patrol : drawn;
    const box = boxOf({ type: "GeometryCollection", geometries: all.features.map((feature) => feature.geometry) });
    if (box) city.setHome(box, view.peek().camera === null || !view.peek().camera);
  } catch {
    setTimeout(() => void loadPlaces(city), 5_000);
  }
}

function MapButtons({ city }: { city: CityMap }) {
  return (
    <div class="map-buttons">
      <button
        type="button"
        class="icon-button"
        aria-label={t("map.zoomIn")}
        title={t("map.zoomIn")}
        onClick={() => city.gl.zoomIn()}
      >
        <Icon name="plus" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={t("map.zoomOut")}
        title={t("map.zoomOut")}
        onClick={() => city.gl.zoomOut()}
      >
        <Icon name="minus" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={t("map.home")}
        title={t("map.home")}
        onClick={() => city.goHome(!calm.matches)}
      >
        <Icon name="home" />
      </button>
    </div>
  );
}
