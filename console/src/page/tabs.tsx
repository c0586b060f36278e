/** A small page of tabs, the chosen one in the address. A tab is one file, loaded when it is opened. */
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Lang } from "../lib/time";
import { Failed, Frame } from "./frame";
import { go, route } from "./route";
import { lang } from "./state";

export interface TabProps {
  /** what stands in the address after the tab: `/registry/surveys/17` gives `17` */
  rest: string;
}

export interface Tab {
  id: string;
  title: Record<Lang, string>;
  load: () => Promise<{ default: ComponentType<TabProps> }>;
}

/** The tab in the address, or the first. */
export function chosenTab(tabs: readonly Tab[]): Tab {
  return tabs.find((tab) => tab.id === route.value.tab) ?? (tabs[0] as Tab);
}

const STEPS: Record<string, (at: number, count: number) => number> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

interface StripProps {
  tabs: readonly Tab[];
  chosen: Tab;
  label: string;
}

function TabStrip({ tabs, chosen, label }: StripProps) {
  const strip = useRef<HTMLDivElement>(null);
  // on a phone the strip is longer than the screen
  useEffect(() => {
    strip.current?.querySelector(`#tab-${chosen.id}`)?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [chosen, lang.value]);
  const onKeyDown = (event: KeyboardEvent) => {
    const next = STEPS[event.key]?.(tabs.indexOf(chosen), tabs.length);
    const tab = next === undefined ? undefined : tabs[next];
    if (!tab) return;
    event.preventDefault();
    go(tab.id);
    strip.current?.querySelector<HTMLElement>(`#tab-${tab.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={strip} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
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

/** `label` says what the tabs are, to who hears the page. */
export function TabbedPage({ title, label, tabs }: { title: string; label: string; tabs: readonly Tab[] }) {
  const chosen = chosenTab(tabs);
  return (
    <Frame title={title}>
      <TabStrip tabs={tabs} chosen={chosen} label={label} />
      <TabPanel tab={chosen} />
    </Frame>
  );
}
