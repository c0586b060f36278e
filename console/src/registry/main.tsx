/** The page `/registry`: what field engineers and the owners of the city's census look after, a tab each. */
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failed, Frame } from "../page/frame";
import { startPage } from "../page/start";
import { lang } from "../page/state";
import { words } from "../page/words";
import { followHistory, go, route } from "./route";
import { TABS, type Tab, type TabProps } from "./tabs";
import { en } from "./text_en";
import { zh } from "./text_zh";

const { t } = words({ zh, en });

function current(): Tab {
  return TABS.find((tab) => tab.id === route.value.tab) ?? (TABS[0] as Tab);
}

const STEPS: Record<string, (at: number, count: number) => number> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

function TabStrip({ chosen }: { chosen: Tab }) {
  const strip = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const next = STEPS[event.key]?.(TABS.indexOf(chosen), TABS.length);
    const tab = next === undefined ? undefined : TABS[next];
    if (!tab) return;
    event.preventDefault();
    go(tab.id);
    strip.current?.querySelector<HTMLElement>(`#tab-${tab.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={t("registry.tabs")} ref={strip} onKeyDown={onKeyDown}>
      {TABS.map((tab) => (
        <button
          key={tab.id}
          id={`tab-${tab.id}`}
          type="button"
          role="tab"
          aria-selected={tab === chosen}
          aria-controls="tab-panel"
          tabIndex={tab === chosen ? 0 : -1}
          onClick={() => go(tab.id)}
        >
          {tab.title[lang.value]}
        </button>
      ))}
    </div>
  );
}

function TabPanel({ tab }: { tab: Tab }) {
  const [loaded, setLoaded] = useState<{ of: Tab; Content: ComponentType<TabProps> } | null>(null);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    let wanted = true;
    setError(null);
    tab.load().then(
      (module) => wanted && setLoaded({ of: tab, Content: module.default }),
      (reason: Error) => wanted && setError(reason),
    );
    return () => {
      wanted = false;
    };
  }, [tab]);
  const Content = loaded?.of === tab ? loaded.Content : null;
  return (
    <section class="column" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab.id}`} aria-busy={!Content}>
      {error && <Failed error={error} retry={() => location.reload()} />}
      {Content && <Content rest={route.value.rest} />}
    </section>
  );
}

function Registry() {
  const tab = current();
  return (
    <Frame title={t("registry.title")}>
      <TabStrip chosen={tab} />
      <TabPanel tab={tab} />
    </Frame>
  );
}

followHistory();
startPage(() => `${current().title[lang.value]} · ${t("registry.title")}`, Registry);
