/** A button that asks before it does: what will happen, a reason where one is wanted, and what went wrong. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Failed } from "./frame";
import { en } from "./text_en";
import { zh } from "./text_zh";
import { words } from "./words";

const { t } = words({ zh, en });

interface AskProps {
  label: string;
  question: string;
  /** says what reason is wanted; left out = none is */
  reason?: string;
  run: (reason: string) => Promise<unknown>;
}

export function Ask({ label, question, reason, run }: AskProps) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (open) form.current?.querySelector<HTMLElement>("input, button")?.focus();
  }, [open]);
  const close = () => {
    setOpen(false);
    setError(null);
    requestAnimationFrame(() => opener.current?.focus());
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement).get("reason");
    setBusy(true);
    setError(null);
    run(String(given ?? "").trim())
      .then(() => setOpen(false), setError)
      .finally(() => setBusy(false));
  };
  if (!open) {
    return (
      <button type="button" class="button" ref={opener} onClick={() => setOpen(true)}>
        {label}
      </button>
    );
  }
  return (
    <form
      class="ask"
      ref={form}
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <p>{question}</p>
      {reason && (
        <label class="form-row">
          <span>{reason}</span>
          <input class="field" name="reason" required maxLength={2000} pattern=".*\S.*" autocomplete="off" />
        </label>
      )}
      <div class="form-buttons">
        <button type="submit" class="button primary" disabled={busy}>
          {label}
        </button>
        <button type="button" class="button" onClick={close}>
          {t("page.cancel")}
        </button>
      </div>
      {error && <Failed error={error} />}
    </form>
  );
}
