/** Tab: the devices as a list; register many from a file, with what was refused to mend; and print labels. */
import { useState } from "preact/hooks";
import { type ApiError, address, send } from "../api/client";
import { Failed } from "../page/frame";
import { named } from "../page/state";
import { words } from "../page/words";
import { useLoaded } from "../ui/use_loaded";
import { DeviceList } from "./devices_list";
import { en } from "./devices_text_en";
import { zh } from "./devices_text_zh";

const { t } = words({ zh, en });
const EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const LARGEST = 4 * 1024 * 1024;
const MOST_SHOWN = 100;
/** reading a sheet and checking it against the registry takes its time */
const PATIENCE_MS = 120_000;
const COLUMNS =
  "label 标签 · profile 设备类型 · component_code 部件编码 · district_code 行政区 · lon_deg 经度 · lat_deg 纬度 · interval_s 上报间隔 · install 安装参数 (JSON) · format 协议 · address 地址 · codec 编解码 · maker 厂商 · model 型号 · serial 序列号 · hardware 硬件版本 · firmware 固件版本";
const LAYOUTS = ["3x8", "2x7", "4x10"];

interface Outcome {
  dry_run: boolean;
  read: number;
  registered: number;
  refused: number;
  findings: { line: number; column: string; reason: string; detail: string }[];
  refused_rows: string;
}

export default function DevicesTab() {
  return (
    <>
      <DeviceList />
      <BulkForm />
      <LabelForm />
    </>
  );
}

function BulkForm() {
  const [file, setFile] = useState<File | null>(null);
  const [state, setState] = useState("in_service");
  const [working, setWorking] = useState(false);
  const [done, setDone] = useState<Outcome | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const run = async (dryRun: boolean) => {
    if (!file) return;
    setWorking(true);
    setDone(null);
    setError(null);
    try {
      const kind = /\.xls[xm]$/i.test(file.name) ? EXCEL : "text/csv";
      setDone(await send<Outcome>("/devices/bulk", { state, dry_run: String(dryRun) }, file, kind, PATIENCE_MS));
    } catch (reason) {
      setError(reason as ApiError);
    } finally {
      setWorking(false);
    }
  };
  const large = file !== null && file.size > LARGEST;
  return (
    <section class="form-card">
      <h2>{t("bulk.title")}</h2>
      <p class="muted">{t("bulk.hint")}</p>
      <details>
        <summary>{t("bulk.columns")}</summary>
        <p class="muted">{COLUMNS}</p>
      </details>
      <label class="form-row">
        <span>{t("bulk.file")}</span>
        <input
          type="file"
          accept=".csv,.xlsx,.xlsm"
          onChange={(event) => {
            setFile(event.currentTarget.files?.[0] ?? null);
            setDone(null);
          }}
        />
      </label>
      <label class="form-row">
        <span>{t("bulk.state")}</span>
        <select class="field" value={state} onChange={(event) => setState(event.currentTarget.value)}>
          <option value="in_service">{t("bulk.in_service")}</option>
          <option value="registered">{t("bulk.registered")}</option>
        </select>
      </label>
      {large && <p role="alert">{t("bulk.large")}</p>}
      <div class="form-buttons">
        <button type="button" class="button" disabled={!file || working || large} onClick={() => void run(true)}>
          {t("bulk.check")}
        </button>
        <button
          type="button"
          class="button primary"
          disabled={!file || working || large}
          onClick={() => void run(false)}
        >
          {t("bulk.load")}
        </button>
      </div>
      {working && <p role="status">{t("bulk.working", { name: file?.name ?? "" })}</p>}
      {error && <Failed error={error} />}
      {done && <Findings done={done} />}
    </section>
  );
}

function Findings({ done }: { done: Outcome }) {
  const gaps = { read: done.read, registered: done.registered, refused: done.refused };
  return (
    <>
      <p role="status">
        <strong>{t(done.dry_run ? "bulk.checked" : "bulk.loaded", gaps)}</strong>
      </p>
      {done.findings.length > 0 && (
        <>
          <div class="sheet-scroll">
            <table class="sheet">
              <thead>
                <tr>
                  <th>{t("bulk.line")}</th>
                  <th>{t("bulk.column")}</th>
                  <th>{t("bulk.reason")}</th>
                </tr>
              </thead>
              <tbody>
                {done.findings.slice(0, MOST_SHOWN).map((finding) => (
                  <tr key={`${finding.line}${finding.column}`}>
                    <td>{finding.line}</td>
                    <td>{finding.column}</td>
                    <td>{finding.detail}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {done.findings.length > MOST_SHOWN && <p class="muted">{t("bulk.more", { count: MOST_SHOWN })}</p>}
          <button type="button" class="button" onClick={() => download(done.refused_rows)}>
            {t("bulk.mend")}
          </button>
        </>
      )}
    </>
  );
}

function download(text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "refused.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

function LabelForm() {
  const types = useLoaded<{ items: { profile: string; name_zh: string; name_en: string }[] }>("/devices/fittings");
  const [asked, setAsked] = useState({ profile: "", district_code: "", layout: "3x8" });
  const set = (name: keyof typeof asked) => (event: { currentTarget: HTMLInputElement | HTMLSelectElement }) =>
    setAsked({ ...asked, [name]: event.currentTarget.value });
  const wrong = !/^(\d{6})?$/.test(asked.district_code);
  return (
    <section class="form-card">
      <h2>{t("labels.title")}</h2>
      <p class="muted">{t("labels.hint")}</p>
      <label class="form-row">
        <span>{t("labels.type")}</span>
        <select class="field" value={asked.profile} onChange={set("profile")}>
          <option value="">{t("labels.all")}</option>
          {types.data?.items.map((type) => (
            <option key={type.profile} value={type.profile}>
              {named(type.name_zh, type.name_en)}
            </option>
          ))}
        </select>
      </label>
      <label class="form-row">
        <span>{t("labels.district")}</span>
        <input
          class="field"
          inputMode="numeric"
          value={asked.district_code}
          aria-invalid={wrong}
          onInput={set("district_code")}
        />
      </label>
      <label class="form-row">
        <span>{t("labels.layout")}</span>
        <select class="field" value={asked.layout} onChange={set("layout")}>
          {LAYOUTS.map((layout) => (
            <option key={layout}>{layout}</option>
          ))}
        </select>
      </label>
      <div class="form-buttons">
        <a
          class="button"
          href={address("/devices/labels.pdf", {
            ...asked,
            district_code: wrong ? "" : asked.district_code,
            limit: 5000,
          })}
          download="labels.pdf"
        >
          {t("labels.get")}
        </a>
      </div>
    </section>
  );
}
