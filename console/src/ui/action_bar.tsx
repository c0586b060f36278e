/** What may be done next with an incident, as the only buttons; each asks for what the record needs. */
import { useState } from "preact/hooks";
import { ApiError } from "../api/client";
import type { Incident } from "../api/types";
import { type Action, nextActions } from "../state/actions";
import { act } from "../state/control";
import { actor, departments, named, setActor, t } from "../state/store";

export function ActionBar({ incident, done }: { incident: Incident; done: () => void }) {
  const [chosen, choose] = useState<Action | null>(null);
  const actions = nextActions(incident.stage);
  const open = chosen && actions.includes(chosen) ? chosen : null;
  if (!actions.length) return <p class="actions-none muted">{t("action.none")}</p>;
  return (
    <div class="actions">
      {!open && (
        <div class="action-buttons">
          {actions.map((action, index) => (
            <button
              key={action}
              type="button"
              class={index === 0 ? "button primary" : "button"}
              title={t(`action.${action}Hint`)}
              onClick={() => choose(action)}
            >
              {t(`action.${action}`)}
            </button>
          ))}
          <span class="muted action-hint">{t(`action.${actions[0] ?? "close"}Hint`)}</span>
        </div>
      )}
      {open && (
        <ActionForm
          key={open}
          action={open}
          incident={incident}
          cancel={() => choose(null)}
          done={() => {
            choose(null);
            done();
          }}
        />
      )}
    </div>
  );
}

interface FormProps {
  action: Action;
  incident: Incident;
  cancel: () => void;
  done: () => void;
}

function ActionForm({ action, incident, cancel, done }: FormProps) {
  const [reason, setReason] = useState("");
  const [assignee, setAssignee] = useState("");
  const [department, setDepartment] = useState(incident.department_id ? String(incident.department_id) : "");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const send = async (event: Event) => {
    event.preventDefault();
    const missing = missingInput(action, { reason, department, assignee });
    if (missing) return setProblem(missing);
    setBusy(true);
    try {
      const body = { actor: actor.value.trim(), reason: reason.trim() || undefined };
      const to = { assignee: assignee.trim() || undefined, department_id: department ? Number(department) : undefined };
      await act(incident.incident_id, action, action === "assign" ? { ...body, ...to } : body);
      done();
    } catch (error) {
      setProblem(problemText(error as Error));
      setBusy(false);
      if (error instanceof ApiError && error.kind === "conflict") done();
    }
  };

  return (
    <form class="action-form" onSubmit={send}>
      <label>
        <span>{t("action.by")}</span>
        <input
          class="field"
          name="actor"
          autocomplete="name"
          title={t("action.byHint")}
          value={actor.value}
          maxLength={100}
          onInput={(event) => setActor(event.currentTarget.value)}
        />
      </label>
      {action === "assign" && (
        <>
          <label>
            <span>{t("action.department")}</span>
            <select
              class="field"
              name="department"
              value={department}
              onChange={(e) => setDepartment(e.currentTarget.value)}
            >
              <option value="" />
              {departments.value.map((one) => (
                <option key={one.department_id} value={one.department_id}>
                  {named(one.name_zh, one.name_en)}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span>{t("action.assignee")}</span>
            <input
              class="field"
              name="assignee"
              value={assignee}
              maxLength={100}
              onInput={(e) => setAssignee(e.currentTarget.value)}
            />
          </label>
        </>
      )}
      <label>
        <span>{t("action.reason")}</span>
        <input
          class="field"
          name="reason"
          value={reason}
          maxLength={500}
          placeholder={t(action === "close" ? "action.reasonHint" : "action.noteHint")}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      {problem && (
        <p class="form-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="action-buttons">
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? t("action.busy") : t("action.confirm", { action: t(`action.${action}`) })}
        </button>
        <button type="button" class="button" onClick={cancel}>
          {t("action.cancel")}
        </button>
      </div>
    </form>
  );
}

function missingInput(action: Action, given: { reason: string; department: string; assignee: string }): string {
  if (!actor.value.trim()) return t("action.needActor");
  if (action === "close" && !given.reason.trim()) return t("action.needReason");
  if (action === "assign" && !given.department && !given.assignee.trim()) return t("action.needDepartment");
  return "";
}

function problemText(error: Error): string {
  if (!(error instanceof ApiError)) return t("error.server");
  if (error.kind === "conflict") return t("action.conflict", { detail: error.message });
  if (error.kind === "refused" || error.kind === "missing") return `${t("error.refusedHint")} ${error.message}`;
  return `${t(`error.${error.kind}`)}. ${t(`error.${error.kind}Hint`)}`;
}
