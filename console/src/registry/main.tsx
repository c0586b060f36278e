/** The page `/registry`: what field engineers and the owners of the city's census look after, a tab each. */
import { followHistory } from "../page/route";
import { startPage } from "../page/start";
import { lang } from "../page/state";
import { chosenTab, TabbedPage } from "../page/tabs";
import { words } from "../page/words";
import { TABS } from "./tabs";
import { en } from "./text_en";
import { zh } from "./text_zh";

const { t } = words({ zh, en });

function Registry() {
  return <TabbedPage title={t("registry.title")} label={t("registry.tabs")} tabs={TABS} />;
}

followHistory();
startPage(() => `${chosenTab(TABS).title[lang.value]} · ${t("registry.title")}`, Registry);
