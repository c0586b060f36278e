/** The form of one step: what it takes, and why. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../api/client";
import type { Incident } from "../api/types";
import type { Offered } from "../state/actions";
import { act } from "../state/control";
import { departments, named, t, word } from "../state/store";

const UNITS = ["urgent_hour", "work_hour", "work_day", "urgent_day"] as const;

interface Props {
  offered: Offered;
  incident: Incident;
  cancel: () => void;
  done: () => void;
}

type Given = Record<string, string>;

export function ActionForm({ offered, incident, cancel, done }: Props) {
  const [given, setGiven] = useState<Given>({ unit: "urgent_hour" });
  const [among, setAmong] = useState<number[]>([]);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const label = word("action", offered.action);
  const set = (name: string) => (value: string) => setGiven((before) => ({ ...before, [name]: value }));

  const send = async (event: Event) => {
    event.preventDefault();
    const missing = missingInput(offered, given, among);
    if (missing) return setProblem(missing);
    setBusy(true);
    try {
      await act(incident.incident_id, offered.action, body(offered, given, among));
      done();
    } catch (error) {
      setProblem(problemText(error as Error));
      setBusy(false);
    }
  };

  return (
    <form class="action-form" onSubmit={send}>
      {offered.takes.map((name) => (
        <Extra key={name} name={name} given={given} set={set} among={among} setAmong={setAmong} />
      ))}
      <Labelled text={t("action.reason")}>
        <input
          class="field"
          name="reason"
          value={given.reason ?? ""}
          maxLength={500}
          placeholder={t(offered.needs_reason ? "action.reasonHint" : "action.noteHint")}
          onInput={(event) => set("reason")(event.currentTarget.value)}
        />
      </Labelled>
      {problem && (
        <p class="form-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="action-buttons">
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? t("action.busy") : t("action.submit", { action: label })}
        </button>
        <button type="button" class="button" onClick={cancel}>
          {t("action.back")}
        </button>
      </div>
    </form>
  );
}

function Labelled({ text, children }: { text: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label>
      <span>{text}</span>
      {children}
    </label>
  );
}

interface ExtraProps {
  name: string;
  given: Given;
  set: (name: string) => (value: string) => void;
  among: number[];
  setAmong: (next: number[]) => void;
}

function Extra({ name, given, set, among, setAmong }: ExtraProps) {
  const text = t(`take.${name}` as "take.assignee");
  const value = given[name] ?? "";
  if (name === "department_id") {
    return (
      <Labelled text={text}>
        <select class="field" name={name} value={value} onChange={(e) => set(name)(e.currentTarget.value)}>
          <option value="" />
          {departments.value.map((one) => (
            <option key={one.department_id} value={one.department_id}>
              {named(one.name_zh, one.name_en)}
            </option>
          ))}
        </select>
      </Labelled>
    );
  }
  if (name === "departments") return <Among text={text} among={among} setAmong={setAmong} />;
  if (name === "extension" || name === "limit") return <Amount name={name} text={text} given={given} set={set} />;
  if (name === "false_alarm") {
    return (
      <label class="action-check">
        <input
          type="checkbox"
          name={name}
          checked={value === "yes"}
          onChange={(e) => set(name)(e.currentTarget.checked ? "yes" : "")}
        />
        <span>{text}</span>
      </label>
    );
  }
  return (
    <Labelled text={text}>
      {name === "until" ? (
        <input
          class="field"
          name={name}
          type="datetime-local"
          value={value}
          onInput={(e) => set(name)(e.currentTarget.value)}
        />
      ) : (
        <input
          class="field"
          name={name}
          value={value}
          maxLength={100}
          onInput={(e) => set(name)(e.currentTarget.value)}
        />
      )}
    </Labelled>
  );
}

function Among({ text, among, setAmong }: { text: string; among: number[]; setAmong: (next: number[]) => void }) {
  return (
    <fieldset class="action-among">
      <legend>{text}</legend>
      {departments.value.map(({ department_id: id, name_zh, name_en }) => (
        <label key={id} class="action-check">
          <input
            type="checkbox"
            checked={among.includes(id)}
            onChange={(e) => setAmong(e.currentTarget.checked ? [...among, id] : among.filter((one) => one !== id))}
          />
          <span>{named(name_zh, name_en)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Amount({ name, text, given, set }: Pick<ExtraProps, "name" | "given" | "set"> & { text: string }) {
  return (
    <div class="action-amount">
      <Labelled text={text}>
        <input
          class="field"
          name={name}
          type="number"
          min="0.5"
          step="0.5"
          value={given[name] ?? ""}
          onInput={(e) => set(name)(e.currentTarget.value)}
        />
      </Labelled>
      <select
        class="field"
        aria-label={t("take.unit")}
        value={given.unit ?? "urgent_hour"}
        onChange={(e) => set("unit")(e.currentTarget.value)}
      >
        {UNITS.map((unit) => (
          <option key={unit} value={unit}>
            {word("unit", unit)}
          </option>
        ))}
      </select>
    </div>
  );
}

/** What the API takes: only fields that were filled in. */
function body(offered: Offered, given: Given, among: number[]): Record<string, unknown> {
  const sent: Record<string, unknown> = { role: offered.role };
  if (given.reason?.trim()) sent.reason = given.reason.trim();
  for (const name of offered.takes) {
    const value = (given[name] ?? "").trim();
    if (name === "departments") sent.departments = among;
    else if (!value) continue;
    else if (name === "department_id" || name === "into") sent[name] = Number(value);
    else if (name === "extension" || name === "limit") sent[name] = `${value} ${given.unit}`;
    else if (name === "false_alarm") sent[name] = true;
    else sent[name] = name === "until" ? new Date(value).toISOString() : value;
  }
  return sent;
}

function missingInput(offered: Offered, given: Given, among: number[]): string {
  if (offered.action === "dispatch" && !given.department_id) return t("action.needDepartment");
  if (offered.action === "split" && !among.length) return t("action.needDepartment");
  if (offered.needs_reason && !given.reason?.trim()) return t("action.needReason");
  return "";
}

function problemText(error: Error): string {
  if (!(error instanceof ApiError)) return t("error.server");
  if (error.kind === "conflict") return t("action.conflict", { detail: error.message });
  if (error.kind === "refused" || error.kind === "missing") return `${t("error.refusedHint")} ${error.message}`;
  return `${t(`error.${error.kind}`)}. ${t(`error.${error.kind}Hint`)}`;
}
