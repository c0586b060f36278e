/** What the API says of ownership. */

export const REASONS = ["no_owner", "no_maintainer", "retired_unit", "two_units", "nobody_answers"] as const;
export type Reason = (typeof REASONS)[number];

export interface Share {
  components: number;
  by_itself: number;
}

export type Count = Record<Reason, number> & {
  key: string | null;
  name_zh: string;
  name_en: string;
  components: number;
  unclear: number;
};

export interface Unclear {
  code: string;
  class_code: string;
  class_name_zh: string;
  class_name_en: string;
  competent_zh: string | null;
  owner_zh: string | null;
  maintainer_zh: string | null;
  reasons: Reason[];
}

export interface Unit {
  department_id: number;
  name_zh: string;
  name_en: string;
}

export interface Answerer {
  name_zh: string | null;
  name_en: string | null;
}

export interface Assignment {
  matched: number;
  filled: number;
  replaced: number;
  unchanged: number;
  conflicts: number;
  others: (Unit & { components: number; example: string })[];
  share_before: Share;
  share_after: Share;
  incidents: number;
  moved: {
    incident_id: number;
    case_no: string;
    title_zh: string;
    title_en: string;
    before: Answerer;
    after: Answerer;
  }[];
}
