/** The page: strip on top, the list, the map, and the detail beside it when something is chosen. */
import { effect } from "@preact/signals";
import { lang, theme, view } from "./state/store";
import { ComponentPanel } from "./ui/component_panel";
import { DevicePanel } from "./ui/device_panel";
import { Evaluation } from "./ui/evaluation";
import { Header, LostBanner } from "./ui/header";
import { Help } from "./ui/help";
import { IncidentPanel } from "./ui/incident_detail";
import { IncidentList } from "./ui/incident_list";
import { Stage } from "./ui/stage";

export function App() {
  const chosen = view.value.selection;
  return (
    <div class={chosen ? "page with-detail" : "page"}>
      <Header />
      <LostBanner />
      <main class="body">
        <IncidentList />
        <Stage />
        <Detail />
      </main>
      <Help />
      <Evaluation />
    </div>
  );
}

function Detail() {
  const chosen = view.value.selection;
  if (chosen?.kind === "incident") return <IncidentPanel key={`i${chosen.id}`} id={chosen.id} />;
  if (chosen?.kind === "device") return <DevicePanel key={`d${chosen.id}`} label={chosen.id} />;
  if (chosen?.kind === "component") return <ComponentPanel key={`c${chosen.id}`} code={chosen.id} />;
  return null;
}

/** What the document itself says: language, theme, title. */
export function dressDocument(): void {
  effect(() => {
    const root = document.documentElement;
    root.lang = lang.value === "zh" ? "zh-CN" : "en";
    root.dataset.theme = theme.value;
    document.title = lang.value === "zh" ? "CityGrid 市政感知" : "CityGrid city sensing";
    const bar = document.querySelector('meta[name="theme-color"]');
    bar?.setAttribute("content", theme.value === "dark" ? "#0c1218" : "#ffffff");
  });
}
