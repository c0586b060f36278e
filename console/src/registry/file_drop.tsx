/** Choosing a file, by a dialog or by dropping it; the fields of how to read it; and what went wrong with it. */
import { useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { Failed } from "../page/frame";
import { useLoaded } from "../ui/use_loaded";
import { t, word } from "./import_text";
import "./imports.css";

export const BINARY = "application/octet-stream";
/** sending takes as long as the line needs, and the server ends a long import by itself */
export const PATIENCE_MS = 45 * 60_000;
const MEGABYTE = 1024 * 1024;
const SYSTEMS = ["EPSG:4326", "EPSG:4490", "EPSG:4548", "EPSG:4527", "GCJ-02"];
const ENCODINGS = ["UTF-8", "GB18030"];
/** what the server advises when a file lies elsewhere than it was said to */
const ADVICE = /\bcrs ([\w:.-]+)(?: axes (en|ne))?/;

interface Mine {
  grants: { grant: string }[];
}

/** Whether whoever looks may import: an engineer or administrator of the whole city. */
export function useMayImport(): boolean {
  const { data } = useLoaded<Mine>("/me");
  return data?.grants.some(({ grant }) => grant === "engineer" || grant === "admin") ?? false;
}

interface DropProps {
  file: File | null;
  accept: string;
  choose: (file: File | null) => void;
}

export function FileDrop({ file, accept, choose }: DropProps) {
  const [over, setOver] = useState(false);
  return (
    <label
      class={over ? "drop drop-over" : "drop"}
      onDragEnter={() => setOver(true)}
      onDragLeave={() => setOver(false)}
      onDrop={() => setOver(false)}
    >
      <span class="button">{t("import.choose")}</span>
      {file ? (
        <strong>{t("import.chosen", { name: file.name, size: sizeOf(file.size) })}</strong>
      ) : (
        <span>{t("import.drop")}</span>
      )}
      {/* lies over the whole label, unseen: the browser itself takes what is dropped on it */}
      <input
        type="file"
        aria-label={t("import.choose")}
        accept={accept}
        onChange={(event) => choose(event.currentTarget.files?.[0] ?? null)}
      />
    </label>
  );
}

export function sizeOf(bytes: number): string {
  if (bytes < MEGABYTE) return `${Math.ceil(bytes / 1024)} kB`;
  return `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

/** The fields by which any file with places is read. */
export function ReadingFields({ example }: { example: string }) {
  return (
    <>
      <label class="form-row">
        <span>{t("import.crs")}</span>
        <input class="field" name="crs" list="systems" placeholder={t("import.crsHint")} />
      </label>
      <datalist id="systems">
        {SYSTEMS.map((system) => (
          <option key={system} value={system} />
        ))}
      </datalist>
      <label class="form-row">
        <span>{t("import.axes")}</span>
        <select class="field" name="axes">
          <option value="en">{t("axes.en")}</option>
          <option value="ne">{t("axes.ne")}</option>
        </select>
      </label>
      <label class="form-row">
        <span>{t("import.layer")}</span>
        <input class="field" name="layer" />
      </label>
      <label class="form-row">
        <span>{t("import.encoding")}</span>
        <input class="field" name="encoding" list="encodings" placeholder={t("import.found")} />
      </label>
      <datalist id="encodings">
        {ENCODINGS.map((encoding) => (
          <option key={encoding} value={encoding} />
        ))}
      </datalist>
      <label class="form-row">
        <span>{t("import.mapping")}</span>
        <textarea class="field" name="mapping" rows={3} placeholder={t("import.mappingHint", { example })} />
      </label>
      <label class="import-check">
        <input type="checkbox" name="trust_crs" value="true" /> {t("import.trust")}
      </label>
    </>
  );
}

/** What a form's fields say, for the address of the request; empty ones stay out of it. */
export function asked(form: HTMLFormElement): Record<string, string | string[]> {
  const said: Record<string, string | string[]> = {};
  const given = new FormData(form);
  for (const name of new Set(given.keys())) {
    const values = given.getAll(name).map((value) => String(value).trim());
    const filled = values.filter(Boolean);
    if (filled.length > 0) said[name] = filled.length > 1 ? filled : (filled[0] as string);
  }
  return said;
}

const HEADS: Record<number, "import.tooLarge" | "import.busy" | "import.failed" | "import.notAllowed"> = {
  400: "import.failed",
  403: "import.notAllowed",
  409: "import.failed",
  413: "import.tooLarge",
  422: "import.failed",
  503: "import.busy",
};

interface FailedProps {
  error: Error;
  /** reads it as the server advises */
  advise: (crs: string, axes: string) => void;
}

export function ImportFailed({ error, advise }: FailedProps) {
  const head = error instanceof ApiError ? HEADS[error.why.status] : undefined;
  if (!head) return <Failed error={error} />;
  const advice = ADVICE.exec(error.message);
  const [, crs = "", axes = "en"] = advice ?? [];
  const tooLong = /CITYGRID_IMPORT_LIMIT_S/.test(error.message);
  return (
    <div class="empty error" role="alert">
      <strong>{t(tooLong ? "import.tooLong" : head)}</strong>
      <p>{error.message}</p>
      {advice && (
        <button type="button" class="button" onClick={() => advise(crs, axes)}>
          {t("import.useInstead", { crs: `${crs}${axes === "ne" ? `, ${word("axes", axes)}` : ""}` })}
        </button>
      )}
    </div>
  );
}

/** Let the browser save a text as a file; the mark at its beginning is for spreadsheets. */
export function save(text: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
