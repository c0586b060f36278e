/** The city's districts, streets, communities and patrol grids by name, to choose from and to say where something holds. */
import { useMemo } from "preact/hooks";
import { useLoaded } from "../ui/use_loaded";

export type Kind = "city" | "district" | "street" | "community" | "grid";

export interface Place {
  /** an area's code; of a patrol grid `grid:` and its code */
  code: string;
  kind: Kind;
  /** the district of a street or patrol grid, the street of a community */
  parent: string;
  name_zh: string;
  name_en: string;
}

interface Feature {
  properties: {
    code: string;
    level?: Kind;
    parent_code?: string | null;
    district_code?: string;
    name_zh: string;
    name_en: string;
  };
}

export interface Features {
  features: Feature[];
}

const GRID = "grid:";

export class Places {
  private readonly byCode = new Map<string, Place>();
  constructor(areas: Features | null, grids: Features | null) {
    for (const { properties: area } of areas?.features ?? []) {
      this.add({ ...area, kind: area.level ?? "district", parent: area.parent_code ?? "" });
    }
    for (const { properties: grid } of grids?.features ?? []) {
      this.add({ ...grid, code: GRID + grid.code, kind: "grid", parent: grid.district_code ?? "" });
    }
  }

  private add({ code, kind, parent, name_zh, name_en }: Place): void {
    this.byCode.set(code, { code, kind, parent, name_zh, name_en });
  }

  get(code: string): Place | undefined {
    return this.byCode.get(code) ?? this.byCode.get(GRID + code);
  }

  of(kind: Kind, parent?: string): Place[] {
    return [...this.byCode.values()].filter(
      (place) => place.kind === kind && (parent === undefined || place.parent === parent),
    );
  }

  /** From the district down to the place itself. */
  path(code: string): Place[] {
    const found: Place[] = [];
    for (let at = this.get(code); at && at.kind !== "city"; at = this.get(at.parent)) found.unshift(at);
    return found;
  }
}

/** Names only: outlines of a whole city are megabytes. */
export function usePlaces(): Places {
  const areas = useLoaded<Features>("/areas", { geometry: "false" }).data;
  const grids = useLoaded<Features>("/grids/patrol", { geometry: "false" }).data;
  return useMemo(() => new Places(areas, grids), [areas, grids]);
}
