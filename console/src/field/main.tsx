/** The page `/field`: register a device in the street, with a phone, in four steps, also where the network comes and goes. */
import { useEffect } from "preact/hooks";
import { Frame } from "../page/frame";
import { startPage } from "../page/start";
import "./field.css";
import { DoneStep } from "./done_step";
import { keepFresh, STEPS, step } from "./draft";
import { LabelStep } from "./label_step";
import { PlaceStep } from "./place_step";
import { keepSending } from "./queue";
import { keepLooking, loadTypes } from "./surroundings";
import { TypeStep } from "./type_step";
import { fresh, serveOffline, takeFresh } from "./update";
import { WaitingList } from "./waiting_list";
import { t } from "./words";

const VIEWS = { label: LabelStep, place: PlaceStep, type: TypeStep, done: DoneStep };

function Page() {
  const now = step.value;
  const View = VIEWS[now];
  useEffect(() => scrollTo(0, 0), [now]);
  return (
    <Frame title={t("field.title")}>
      <div class="field-page">
        {fresh.value && (
          <p class="note" role="status">
            {t("update.ready")}{" "}
            <button type="button" class="text-button" onClick={takeFresh}>
              {t("update.take")}
            </button>
          </p>
        )}
        <ol class="steps" aria-label={t("step.of", { n: STEPS.indexOf(now) + 1, name: t(`step.${now}`) })}>
          {STEPS.map((name) => (
            <li key={name} class={name === now ? "now" : ""} aria-current={name === now ? "step" : undefined}>
              {t(`step.${name}`)}
            </li>
          ))}
        </ol>
        <View />
        <WaitingList />
      </div>
    </Frame>
  );
}

keepLooking();
keepFresh();
keepSending();
void loadTypes();
startPage(() => `${t("field.title")} · CityGrid`, Page);
void serveOffline().catch(() => undefined);
