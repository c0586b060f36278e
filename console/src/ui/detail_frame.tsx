/** The frame of every detail: its kind and code, centre on the map, close; a sheet from below on a phone. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { select } from "../state/control";
import { locate } from "../state/locate";
import { t } from "../state/store";
import { Icon } from "./glyphs";
import { Empty, ErrorBox } from "./parts";

interface FrameProps {
  kind: string;
  code: string;
  position: [number, number] | null;
  error: Error | null;
  retry: () => void;
  children: ComponentChildren;
}

export function DetailFrame({ kind, code, position, error, retry, children }: FrameProps) {
  const [tall, setTall] = useState(false);
  const body = useRef<HTMLDivElement>(null);
  const key = position?.join();
  useEffect(() => {
    if (position) locate.value = { position, asked: locate.peek()?.asked ?? 0 };
  }, [key]);
  useEffect(() => {
    body.current?.scrollTo(0, 0);
  }, [code]);
  const missing = error instanceof ApiError && error.kind === "missing";
  return (
    <aside class={tall ? "detail detail-tall" : "detail"} aria-label={`${kind} ${code}`} data-testid="detail">
      <header class="detail-bar">
        <button
          type="button"
          class="sheet-handle"
          aria-label={kind}
          aria-expanded={tall}
          onClick={() => setTall(!tall)}
        />
        <span class="detail-kind muted">{kind}</span>
        <span class="detail-code num">{code}</span>
        <button
          type="button"
          class="icon-button"
          title={t("detail.locate")}
          aria-label={t("detail.locate")}
          disabled={!position}
          onClick={() => {
            if (position) locate.value = { position, asked: (locate.peek()?.asked ?? 0) + 1 };
          }}
        >
          <Icon name="locate" />
        </button>
        <button
          type="button"
          class="icon-button"
          title={`${t("detail.close")} (Esc)`}
          aria-label={t("detail.close")}
          onClick={() => select(null)}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="detail-body" ref={body}>
        {missing && <Empty title={t("detail.missing", { what: code })} hint={t("detail.missingHint")} />}
        {error && !missing && <ErrorBox error={error} retry={retry} />}
        {!error && children}
      </div>
    </aside>
  );
}
