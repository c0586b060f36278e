/** A secret that nobody can read again: shown once, copied, and gone from the page when it is put away. */
import { useRef, useState } from "preact/hooks";
import { en } from "./text_en";
import { zh } from "./text_zh";
import { words } from "./words";

const { t } = words({ zh, en });

interface ShownOnceProps {
  /** what it is */
  title: string;
  secret: string;
  done: () => void;
}

export function ShownOnce({ title, secret, done }: ShownOnceProps) {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<boolean | null>(null);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(secret);
      setCopied(true);
    } catch {
      // without https a browser keeps its clipboard to itself; the text is selected
      setCopied(false);
    }
  };
  return (
    <section class="form-card shown-once" data-testid="shown-once">
      <h2>{title}</h2>
      <p>{t("once.hint")}</p>
      <input
        class="field"
        ref={field}
        aria-label={title}
        value={secret}
        readOnly
        autocomplete="off"
        spellcheck={false}
        onFocus={(event) => event.currentTarget.select()}
      />
      <div class="form-buttons">
        <button type="button" class="button primary" onClick={() => void copy()}>
          {t("once.copy")}
        </button>
        <button type="button" class="button" onClick={done}>
          {t("once.done")}
        </button>
      </div>
      <p role="status">{copied === null ? "" : t(copied ? "once.copied" : "once.byHand")}</p>
    </section>
  );
}
