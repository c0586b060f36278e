/** Shapes this page sends and gets. */

export interface InstallParameter {
  name: string;
  unit: string;
  min: number;
  max: number;
  name_zh: string;
  name_en: string;
}

export interface DeviceType {
  profile: string;
  name_zh: string;
  name_en: string;
  interval_s: number;
  classes: string[];
  install: InstallParameter[];
}

export interface Near {
  code: string;
  class_code: string;
  class_zh: string;
  class_en: string;
  name: string;
  state: string;
  district_code: string;
  distance_m: number;
  lon: number;
  lat: number;
  devices: { label: string; profile: string }[];
}

export interface Position {
  lon: number;
  lat: number;
  accuracy_m: number;
  moved: boolean;
}

/** What the plate of a device says; a word that is not there is not said. */
export interface Plate {
  model?: string;
  serial?: string;
}

/** The body of `POST /devices`. */
export interface Registration {
  label: string;
  profile: string;
  component_code: string;
  position: Position | null;
  install: Record<string, number>;
  /** kept before this page asked for it: not there */
  about?: Plate;
  replaces: string;
  insists: string[];
}

export interface Refusal {
  reason: string;
  message: string;
  facts: Record<string, unknown>;
}

/** A registration on this phone that the server has not taken yet. */
export interface Waiting {
  /** the idempotency key: the same for every try */
  key: string;
  /** order in which they were made */
  made_ms: number;
  registration: Registration;
  /** to show it before the server knows it */
  component: Near | null;
  refusal: Refusal | null;
}
