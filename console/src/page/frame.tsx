/** What every small page shows: its strip with language and theme, and the states of what is loaded. */
import type { ComponentChildren } from "preact";
import { ApiError } from "../api/client";
import { lang, switchLang, switchTheme, theme } from "./state";
import { en } from "./text_en";
import { zh } from "./text_zh";
import { words } from "./words";

const { t, word } = words({ zh, en });

interface FrameProps {
  title: string;
  /** stands in the strip, between the title and the switches */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function Frame({ title, aside, children }: FrameProps) {
  const other = t(theme.value === "dark" ? "page.light" : "page.dark");
  return (
    <>
      <header class="strip-top">
        <a class="skip" href="#content">
          {t("page.skip")}
        </a>
        <a class="strip-home" href="/" aria-label={t("page.console")}>
          <img src="/icon.svg" alt="" width="24" height="24" />
        </a>
        <h1>{title}</h1>
        {aside}
        <div class="strip-switches">
          <button type="button" class="text-button" onClick={switchLang} lang={lang.value === "zh" ? "en" : "zh-CN"}>
            {t("page.lang")}
          </button>
          <button type="button" class="text-button" onClick={switchTheme}>
            {other}
          </button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

export function NotYet() {
  return <p class="muted">{t("page.soon")}</p>;
}

/** An empty state says what would fill it. */
export function Nothing({ title, hint, children }: { title: string; hint?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {hint && <p>{hint}</p>}
      {children}
    </div>
  );
}

export function Failed({ error, retry }: { error: Error; retry?: () => void }) {
  const kind = error instanceof ApiError ? error.kind : "server";
  const says = kind === "refused" || kind === "conflict" ? error.message : "";
  return (
    <div class="empty error" role="alert">
      <strong>{word("error", kind)}</strong>
      <p>
        {word("error", `${kind}Hint`)} {says}
      </p>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          {t("error.retry")}
        </button>
      )}
    </div>
  );
}
