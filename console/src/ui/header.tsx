/** The strip on top: whose city, how it stands in one line, search, and the few switches. */
import { grouped } from "../lib/number";
import { clock } from "../lib/time";
import { adjust, switchLang, switchTheme } from "../state/control";
import { asOf, city, helpOpen, lang, link, named, openCounts, summary, t, theme, word, zone } from "../state/store";
import { SEVERITIES } from "../state/view";
import { AccountMenu } from "./account";
import { HealthGlyph, Icon, SeverityGlyph } from "./glyphs";
import { Search } from "./search";

export function Header() {
  return (
    <header class="top">
      <a class="skip" href="#incidents">
        {t("app.skip")}
      </a>
      <div class="brand">
        <img src="/icon.svg" alt="" width="24" height="24" />
        <h1>
          {named(city.value.name_zh, city.value.name_en) || "CityGrid"} <span class="muted">{t("app.title")}</span>
        </h1>
        {summary.value?.synthetic && (
          <span class="tag" title={t("app.syntheticHint")}>
            {t("app.synthetic")}
          </span>
        )}
      </div>
      <SummaryStrip />
      <Search />
      <div class="switches">
        <button
          type="button"
          class="icon-button"
          onClick={() => adjust({ evaluation: "district" })}
          title={`${t("kpi.title")} (e)`}
          aria-label={t("kpi.title")}
        >
          <Icon name="evaluation" />
        </button>
        <button
          type="button"
          class="text-button"
          onClick={switchLang}
          title="l"
          lang={lang.value === "zh" ? "en" : "zh-CN"}
        >
          {t("lang.switch")}
        </button>
        <button
          type="button"
          class="icon-button"
          onClick={switchTheme}
          title={`${t(theme.value === "dark" ? "theme.light" : "theme.dark")} (d)`}
          aria-label={t(theme.value === "dark" ? "theme.light" : "theme.dark")}
        >
          <Icon name={theme.value === "dark" ? "sun" : "moon"} />
        </button>
        <button
          type="button"
          class="icon-button wide-only"
          onClick={() => {
            helpOpen.value = true;
          }}
          title={`${t("help.button")} (?)`}
          aria-label={t("help.button")}
        >
          <Icon name="help" />
        </button>
        <AccountMenu />
      </div>
    </header>
  );
}

function SummaryStrip() {
  const facts = summary.value;
  return (
    <dl class="strip" data-testid="summary">
      <div class="stat stat-wide">
        <dt>{t("summary.components")}</dt>
        <dd class="num">{facts ? grouped(facts.components) : "–"}</dd>
      </div>
      <div class="stat stat-wide">
        <dt>{t("summary.devices")}</dt>
        <dd class="num">
          {(["online", "late", "silent"] as const).map((health) => (
            <span key={health} class={`pair health-${health}`} title={word("summary", health)}>
              <HealthGlyph health={health} />
              <span>{facts ? grouped(healthCount(health)) : "–"}</span>
              <span class="pair-word">{word("summary", health)}</span>
            </span>
          ))}
        </dd>
      </div>
      <div class="stat">
        <dt>{t("summary.open")}</dt>
        <dd class="num">
          {SEVERITIES.map((severity) => (
            <span
              key={severity}
              class={openCounts.value[severity] ? "pair" : "pair zero"}
              title={word("severity", severity)}
            >
              <SeverityGlyph severity={severity} />
              <span>{openCounts.value[severity]}</span>
            </span>
          ))}
        </dd>
      </div>
      <div class="stat stat-wide">
        <dt>{t("summary.rate")}</dt>
        <dd class="num">
          {facts ? rate(facts.readings_last_minute / 60) : "–"} <small>{t("summary.rateUnit")}</small>
        </dd>
      </div>
      <div class="stat stat-wide">
        <dt>{t("summary.lag")}</dt>
        <dd class="num">{facts?.lag_s == null ? "–" : lag(facts.lag_s)}</dd>
      </div>
      <LinkState />
    </dl>
  );
}

function healthCount(health: "online" | "late" | "silent"): number {
  const counts = summary.value?.devices;
  if (!counts) return 0;
  return health === "silent" ? (counts.silent ?? 0) + (counts.never ?? 0) : (counts[health] ?? 0);
}

function rate(perSecond: number): string {
  return perSecond >= 100 ? grouped(perSecond) : perSecond.toFixed(1);
}

function lag(seconds: number): string {
  return seconds < 1 ? `${Math.max(0, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

function LinkState() {
  const state = link.value;
  if (state === "lost") return null;
  return (
    <div class="stat stat-link" title={clock(asOf.value, zone.value)}>
      <dt class="sr-only">{t("link.title")}</dt>
      <dd data-testid="link">
        <i class={`beat beat-${state}`} aria-hidden="true" />
        {t(state === "live" ? "link.live" : "link.connecting")}
      </dd>
    </div>
  );
}

export function LostBanner() {
  if (link.value !== "lost") return null;
  return (
    <div class="banner" role="status" data-testid="lost">
      <strong>{t("link.lost", { time: clock(asOf.value, zone.value) })}</strong> <span>{t("link.resume")}</span>
    </div>
  );
}
