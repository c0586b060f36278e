/** The page `/citizens`: the facilities a city opens to everybody. */
import { Frame, NotYet } from "../page/frame";
import { startPage } from "../page/start";
import { words } from "../page/words";
import { en } from "./text_en";
import { zh } from "./text_zh";

const { t } = words({ zh, en });

function Page() {
  return (
    <Frame title={t("citizens.title")}>
      <section class="column">
        <p>{t("citizens.what")}</p>
        <NotYet />
      </section>
    </Frame>
  );
}

startPage(() => `${t("citizens.title")} · CityGrid`, Page);
