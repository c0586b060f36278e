/** The page `/login`: sign in. */
import { Frame, NotYet } from "../page/frame";
import { startPage } from "../page/start";
import { words } from "../page/words";
import { en } from "./text_en";
import { zh } from "./text_zh";

const { t } = words({ zh, en });

function Page() {
  return (
    <Frame title={t("login.title")}>
      <section class="column">
        <p>{t("login.what")}</p>
        <NotYet />
      </section>
    </Frame>
  );
}

startPage(() => `${t("login.title")} · CityGrid`, Page);
