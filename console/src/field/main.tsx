/** The page `/field`: register a device in the street. */
import { Frame, NotYet } from "../page/frame";
import { startPage } from "../page/start";
import { words } from "../page/words";
import { en } from "./text_en";
import { zh } from "./text_zh";

const { t } = words({ zh, en });

function Page() {
  return (
    <Frame title={t("field.title")}>
      <section class="column">
        <p>{t("field.what")}</p>
        <NotYet />
      </section>
    </Frame>
  );
}

startPage(() => `${t("field.title")} · CityGrid`, Page);
