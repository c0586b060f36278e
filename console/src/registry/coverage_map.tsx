/** Patrol grids shaded by how densely they are sensed, or what share of their components is; the chosen one's numbers. */
import { type GeoJSONSource, Map as GlMap, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { grouped, percent } from "../lib/number";
import { palette } from "../map/palette";
import { restyle } from "../map/restyle";
import { named, theme } from "../page/state";
import { useLoaded } from "../ui/use_loaded";
import { type Covered, t } from "./coverage_text";
import { boxOf, breaks, classOf, colourOf, colours, NONE, style } from "./shades";

setWorkerUrl(workerUrl);

type Measure = "density" | "share";
interface Grid {
  type: "Feature";
  id: string;
  geometry: GeoJSON.Geometry;
  properties: { name_zh: string; name_en: string };
}

export default function CoverageMap({ items }: { items: Covered[] }) {
  const [measure, setMeasure] = useState<Measure>("density");
  const [chosen, setChosen] = useState<string | null>(null);
  const { data } = useLoaded<{ features: Grid[] }>("/grids/patrol");
  const by = useMemo(() => new Map(items.map((item) => [item.key, item])), [items]);
  const bounds = useMemo(
    () => breaks(items.filter((it) => it.key).map((it) => measured(it, measure))),
    [items, measure],
  );
  const scale = colours(theme.value === "dark");
  const shaded = useMemo<GeoJSON.FeatureCollection>(
    () => ({
      type: "FeatureCollection",
      features: (data?.features ?? []).map((grid) => {
        const item = by.get(grid.id);
        const number = item ? classOf(measured(item, measure), bounds) : -1;
        const properties = { key: grid.id, has: !!item, colour: colourOf(number, bounds.length, scale) };
        return { type: "Feature", geometry: grid.geometry, properties };
      }),
    }),
    [data, by, measure, bounds, scale[0]],
  );
  const grid = data?.features.find((one) => one.id === chosen);
  return (
    <figure class="shaded">
      <fieldset class="segments" aria-label={t("map.shows")}>
        {(["density", "share"] as const).map((one) => (
          <button key={one} type="button" aria-pressed={measure === one} onClick={() => setMeasure(one)}>
            {t(`cover.${one}`)}
          </button>
        ))}
      </fieldset>
      <Drawn shaded={shaded} chosen={chosen} choose={setChosen} label={t("map.label")} />
      <Legend bounds={bounds} measure={measure} scale={scale} />
      <figcaption aria-live="polite">{grid ? said(grid, by.get(grid.id)) : t("map.hint")}</figcaption>
    </figure>
  );
}

function measured(item: Covered, measure: Measure): number {
  return (measure === "density" ? item.per_km2 : item.share) ?? 0;
}

function written(value: number, measure: Measure): string {
  if (measure === "density") return String(value);
  return `${Number((100 * value).toPrecision(2))}%`;
}

function said(grid: Grid, item: Covered | undefined): string {
  const name = `${named(grid.properties.name_zh, grid.properties.name_en)} ${grid.id}`;
  if (!item) return `${name}: ${t("map.empty")}`;
  return t("map.said", {
    name,
    density: (item.per_km2 ?? 0).toFixed(1),
    share: item.share === null ? "–" : percent(item.share),
    sensed: grouped(item.sensed),
    components: grouped(item.components),
  });
}

function Legend({ bounds, measure, scale }: { bounds: number[]; measure: Measure; scale: readonly string[] }) {
  const range = (at: number) => {
    const [from, to] = [bounds[at] ?? 0, bounds[at + 1]];
    if (to === undefined) return `≥ ${written(from, measure)}`;
    return at === 0 ? `< ${written(to, measure)}` : `${written(from, measure)} – ${written(to, measure)}`;
  };
  return (
    <ul class="shades">
      <li>
        <i style={{ background: NONE }} aria-hidden="true" />
        {t("map.none")}
      </li>
      {bounds.map((from, at) => (
        <li key={from}>
          <i style={{ background: colourOf(at, bounds.length, scale) }} aria-hidden="true" />
          {bounds.length === 1 ? "> 0" : range(at)}
        </li>
      ))}
    </ul>
  );
}

interface DrawnProps {
  shaded: GeoJSON.FeatureCollection;
  chosen: string | null;
  choose: (key: string | null) => void;
  label: string;
}

function Drawn({ shaded, chosen, choose, label }: DrawnProps) {
  const place = useRef<HTMLDivElement>(null);
  const map = useRef<{ gl: GlMap; ready: Promise<void> } | null>(null);
  const fitted = useRef(false);
  useEffect(() => {
    if (!place.current) return;
    const gl = new GlMap({
      container: place.current,
      style: style(palette(theme.value)),
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      cooperativeGestures: true,
      maxZoom: 17,
      locale: {
        "CooperativeGesturesHandler.WindowsHelpText": t("map.wheel"),
        "CooperativeGesturesHandler.MacHelpText": t("map.wheel"),
        "CooperativeGesturesHandler.MobileHelpText": t("map.fingers"),
      },
    });
    gl.touchZoomRotate.disableRotation();
    gl.keyboard.disableRotation();
    gl.on("error", () => undefined);
    gl.on("click", (event) => {
      const hit = gl.queryRenderedFeatures(event.point, { layers: ["shade"] })[0];
      choose(hit ? String(hit.properties.key) : null);
    });
    map.current = { gl, ready: new Promise((done) => gl.once("style.load", () => done())) };
    return () => gl.remove();
  }, []);
  useEffect(() => {
    void map.current?.ready.then(() => restyle(gl(), style(palette(theme.value))));
  }, [theme.value]);
  useEffect(() => {
    void map.current?.ready.then(() => {
      (gl().getSource("patrol") as GeoJSONSource | undefined)?.setData(shaded);
      const box = boxOf(shaded);
      if (box && !fitted.current) gl().fitBounds(box, { padding: 12, animate: false });
      fitted.current = fitted.current || box !== null;
    });
  }, [shaded, theme.value]);
  useEffect(() => {
    void map.current?.ready.then(() => gl().setFilter("chosen", ["==", ["get", "key"], chosen ?? ""]));
  }, [chosen, theme.value]);
  const gl = () => (map.current as { gl: GlMap }).gl;
  return <div ref={place} class="shaded-map" role="application" aria-label={label} />;
}
