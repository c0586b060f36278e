/**
 * Layers as plain data. MapLibre's types of expressions are too deep to infer, so they are taken here as they are; a
 * test holds the whole style against MapLibre's own style validator instead.
 */
import type { LayerSpecification } from "maplibre-gl";

export interface PlainLayer {
  id: string;
  type: "background" | "fill" | "line" | "circle" | "symbol";
  source?: string;
  "source-layer"?: string;
  minzoom?: number;
  maxzoom?: number;
  filter?: unknown[];
  layout?: Record<string, unknown>;
  paint?: Record<string, unknown>;
}

export function layers(plain: PlainLayer[]): LayerSpecification[] {
  return plain as unknown as LayerSpecification[];
}
