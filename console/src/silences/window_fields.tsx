/** The fields that make a silence a maintenance window: on which days, from when to when. */
import { useState } from "preact/hooks";
import { DAYS } from "./wish";
import { t, word } from "./words";

export function WindowFields() {
  const [wanted, setWanted] = useState(false);
  return (
    <>
      <label>
        <input
          type="checkbox"
          name="window"
          checked={wanted}
          onChange={(event) => setWanted(event.currentTarget.checked)}
        />{" "}
        {t("form.window")}
      </label>
      {wanted && (
        <>
          <fieldset class="grants">
            <legend>{t("form.weekdays")}</legend>
            <div class="days">
              {DAYS.map((day) => (
                <label key={day}>
                  <input type="checkbox" name={day} /> {word("day", day)}
                </label>
              ))}
            </div>
          </fieldset>
          <label class="form-row">
            <span>{t("form.opens")}</span>
            <input class="field" type="time" name="opens" required />
          </label>
          <label class="form-row">
            <span>{t("form.closes")}</span>
            <input class="field" type="time" name="closes" required />
          </label>
        </>
      )}
    </>
  );
}
