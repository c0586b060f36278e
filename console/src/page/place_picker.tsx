/** Chooses where something holds, from lists: the whole city, a district, one of its streets or patrol grids, a community. */
import type { Place, Places } from "./places";
import { named } from "./state";
import { en } from "./text_en";
import { zh } from "./text_zh";
import { words } from "./words";

const { t } = words({ zh, en });

interface PickerProps {
  /** "" = the whole city */
  value: string;
  choose: (code: string) => void;
  places: Places;
}

export function PlacePicker({ value, choose, places }: PickerProps) {
  const [district, part, community] = places.path(value);
  const communities = part?.kind === "street" ? places.of("community", part.code) : [];
  return (
    <span class="place-picker">
      <select
        class="field"
        aria-label={t("place.district")}
        value={district?.code ?? ""}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        <option value="">{t("place.city")}</option>
        <Options places={places.of("district")} />
      </select>
      {district && (
        <select
          class="field"
          aria-label={t("place.part")}
          value={part?.code ?? ""}
          onChange={(event) => choose(event.currentTarget.value || district.code)}
        >
          <option value="">{t("place.wholeDistrict")}</option>
          <optgroup label={t("place.streets")}>
            <Options places={places.of("street", district.code)} />
          </optgroup>
          <optgroup label={t("place.grids")}>
            <Options places={places.of("grid", district.code)} />
          </optgroup>
        </select>
      )}
      {part && communities.length > 0 && (
        <select
          class="field"
          aria-label={t("place.community")}
          value={community?.code ?? ""}
          onChange={(event) => choose(event.currentTarget.value || part.code)}
        >
          <option value="">{t("place.wholeStreet")}</option>
          <Options places={communities} />
        </select>
      )}
    </span>
  );
}

function Options({ places }: { places: Place[] }) {
  return (
    <>
      {places.map((place) => (
        <option key={place.code} value={place.code}>
          {named(place.name_zh, place.name_en)}
        </option>
      ))}
    </>
  );
}

/** The name of where something holds, from the district down; a code that is not known as it is. */
export function placeName(places: Places, code: string): string {
  if (!code) return t("place.city");
  const path = places.path(code);
  return path.length ? path.map((place) => named(place.name_zh, place.name_en)).join(" · ") : code;
}
