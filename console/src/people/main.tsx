/** The page `/people`: accounts, keys and the audit log for administrators, and everybody's own account. */
import { administersCity } from "../api/account";
import { Failed, Frame, Nothing } from "../page/frame";
import { followHistory, route } from "../page/route";
import { startPage } from "../page/start";
import { lang } from "../page/state";
import { chosenTab, TabbedPage } from "../page/tabs";
import { OF_ADMINISTRATORS, tabsOf } from "./tabs";
import { loadMe, me, unknown } from "./who";
import { t } from "./words";

const tabs = () => tabsOf(me.value !== null && administersCity(me.value));

function People() {
  const title = t("people.title");
  if (!me.value) {
    return <Frame title={title}>{unknown.value && <Failed error={unknown.value} retry={() => void loadMe()} />}</Frame>;
  }
  const refused = OF_ADMINISTRATORS.some((tab) => tab.id === route.value.tab) && !administersCity(me.value);
  if (refused) {
    return (
      <Frame title={title}>
        <Nothing title={t("people.notYours")} hint={t("people.notYoursHint")}>
          <a class="button" href={`/people/me?lang=${lang.value}`}>
            {t("account.own")}
          </a>
        </Nothing>
      </Frame>
    );
  }
  return <TabbedPage title={title} label={t("people.tabs")} tabs={tabs()} />;
}

followHistory();
void loadMe();
startPage(() => `${chosenTab(tabs()).title[lang.value]} · ${t("people.title")}`, People);
