/** Roles and where they hold, chosen from lists: what is held, each with a way to take it, and one to add. */
import { useState } from "preact/hooks";
import { PlacePicker } from "../page/place_picker";
import type { Places } from "../page/places";
import { grantOf, ROLES } from "./types";
import { grantText, t, word } from "./words";

interface GrantsProps {
  value: readonly string[];
  change: (grants: string[]) => void;
  places: Places;
}

export function GrantsEditor({ value, change, places }: GrantsProps) {
  const [role, setRole] = useState<string>("viewer");
  const [place, setPlace] = useState("");
  const wanted = grantOf(role, place);
  return (
    <fieldset class="grants">
      <legend>{t("people.roles")}</legend>
      <GrantList value={value} places={places} take={(grant) => change(value.filter((held) => held !== grant))} />
      <div class="grants-add">
        <select
          class="field"
          aria-label={t("people.role")}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value)}
        >
          {ROLES.map((one) => (
            <option key={one} value={one}>
              {word("grant", one)}
            </option>
          ))}
        </select>
        <PlacePicker value={place} choose={setPlace} places={places} />
        <button
          type="button"
          class="button"
          disabled={value.includes(wanted)}
          onClick={() => change([...value, wanted])}
        >
          {t("people.grant")}
        </button>
      </div>
    </fieldset>
  );
}

interface ListProps {
  value: readonly string[];
  places: Places;
  take?: (grant: string) => void;
}

export function GrantList({ value, places, take }: ListProps) {
  if (!value.length) return <p class="muted">{t("people.noRoles")}</p>;
  return (
    <ul class="grant-list">
      {value.map((grant) => (
        <li key={grant} class="tag">
          {grantText(grant, places)}
          {take && (
            <button
              type="button"
              class="grant-take"
              aria-label={t("people.take", { grant: grantText(grant, places) })}
              onClick={() => take(grant)}
            >
              ×
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
