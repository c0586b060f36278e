/** The form that sends a file: chosen or dropped, options folded away, checked first, then imported. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { send } from "../api/client";
import { asked, BINARY, FileDrop, ImportFailed, PATIENCE_MS, sizeOf } from "./file_drop";
import { t } from "./import_text";

interface FormProps<Outcome> {
  title: string;
  hint: string;
  path: string;
  accept: string;
  /** stand before the folded options */
  first?: ComponentChildren;
  options: ComponentChildren;
  /** shows what a check found */
  show: (outcome: Outcome, file: File) => ComponentChildren;
  imported: (outcome: Outcome) => void;
}

export function ImportForm<Outcome>({ title, hint, path, accept, first, options, show, imported }: FormProps<Outcome>) {
  const form = useRef<HTMLFormElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [working, setWorking] = useState<"checking" | "importing" | null>(null);
  const [sent, setSent] = useState(0);
  const [checked, setChecked] = useState<Outcome | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const forget = () => {
    setChecked(null);
    setError(null);
  };
  const run = (dryRun: boolean) => {
    if (!file || !form.current) return;
    forget();
    setSent(0);
    setWorking(dryRun ? "checking" : "importing");
    const query = { ...asked(form.current), name: file.name, dry_run: String(dryRun) };
    send<Outcome>(path, query, file, BINARY, PATIENCE_MS, setSent)
      .then(dryRun ? setChecked : imported, setError)
      .finally(() => setWorking(null));
  };
  const advise = (crs: string, axes: string) => {
    const fields = form.current?.elements;
    (fields?.namedItem("crs") as HTMLInputElement).value = crs;
    (fields?.namedItem("axes") as HTMLSelectElement).value = axes;
    run(true);
  };
  const idle = file !== null && working === null;
  return (
    <form
      class="form-card import-card"
      ref={form}
      aria-busy={working !== null}
      onInput={forget}
      onSubmit={(event) => {
        event.preventDefault();
        run(true);
      }}
    >
      <h2>{title}</h2>
      <p class="muted">{hint}</p>
      <FileDrop file={file} accept={accept} choose={setFile} />
      {first}
      <details>
        <summary>{t("import.options")}</summary>
        <div class="import-options">{options}</div>
      </details>
      <div class="form-buttons">
        <button type="submit" class={checked ? "button" : "button primary"} disabled={!idle}>
          {t("import.check")}
        </button>
        <button type="button" class={checked ? "button primary" : "button"} disabled={!idle} onClick={() => run(false)}>
          {t("import.import")}
        </button>
      </div>
      {working && file && <Working what={working} file={file} sent={sent} />}
      {error && <ImportFailed error={error} advise={advise} />}
      {checked && file && <section class="import-outcome">{show(checked, file)}</section>}
    </form>
  );
}

interface WorkingProps {
  what: "checking" | "importing";
  file: File;
  sent: number;
}

/** How much of the file is sent; from then on the server works on it and says nothing until it is done. */
function Working({ what, file, sent }: WorkingProps) {
  const size = file.size;
  if (sent < size)
    return (
      <div class="import-working">
        <p role="status">{t("import.sending", { name: file.name })}</p>
        <progress aria-label={t("import.sent")} value={sent} max={size} />
        <span class="muted">{t("import.sentOf", { sent: sizeOf(sent), size: sizeOf(size) })}</span>
      </div>
    );
  return (
    <div class="import-working">
      <p role="status">{t(`import.${what}`, { name: file.name })}</p>
      <progress aria-label={t("import.working")} />
    </div>
  );
}
