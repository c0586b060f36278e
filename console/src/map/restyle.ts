/** Gives a running map other colours and texts by changing only the properties that differ: data and tiles stay. */
import type { Map as GlMap, StyleSpecification } from "maplibre-gl";

type Properties = Record<string, unknown> | undefined;

export function changed(before: Properties, after: Properties): [string, unknown][] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names]
    .filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]))
    .map((name) => [name, after?.[name]]);
}

export function restyle(map: GlMap, next: StyleSpecification): void {
  const before = new Map(map.getStyle().layers.map((layer) => [layer.id, layer]));
  for (const layer of next.layers) {
    const old = before.get(layer.id);
    for (const [name, value] of changed(old?.paint as Properties, layer.paint as Properties)) {
      map.setPaintProperty(layer.id, name as never, value as never);
    }
    for (const [name, value] of changed(old?.layout as Properties, layer.layout as Properties)) {
      map.setLayoutProperty(layer.id, name as never, value as never);
    }
  }
}
