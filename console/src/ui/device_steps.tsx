/** The next steps of a device's life, as the only buttons; each form says what follows and asks for what is kept. */
import { useEffect, useRef, useState } from "preact/hooks";
import { mayEngineer } from "../api/account";
import { ApiError, post } from "../api/client";
import { me } from "../state/account";
import { word as say } from "../state/store";
import { words } from "../state/words";

export interface Step {
  to: string;
  needs_reason: boolean;
  needs_component: boolean;
}

const { t, word } = words({
  zh: {
    "steps.title": "下一步",
    "steps.end": "生命周期已结束。",
    "steps.notYours": "只有工程人员和管理员可以更改。",
    "steps.back": "返回",
    "steps.reason": "原因",
    "steps.reasonHint": "记入履历",
    "steps.needReason": "请填写原因，它会记入履历。",
    "steps.component": "部件编码",
    "steps.componentHint": "16 位数字",
    "steps.needComponent": "请填写要安装到的部件的 16 位编码。",
    "steps.follower": "新设备标签",
    "steps.followerHint": "留空：只拆下",
    "steps.busy": "正在保存……",
    "steps.done": "{label}：{state}",
    "steps.refused": "没有保存：{detail}",
    "steps.failed": "没有保存，请稍后重试。",
    "to.installed": "安装",
    "to.commissioned": "标记为已调试",
    "to.in_service": "投入运行",
    "to.back": "恢复运行",
    "to.maintenance": "转入维护",
    "to.replaced": "更换或拆下",
    "to.retired": "注销",
    "then.installed": "设备装到部件上，首条读数到达后变为已调试。",
    "then.commissioned": "已收到它在此处的读数；规则还不判断。",
    "then.in_service": "从现在起规则判断它的读数。",
    "then.maintenance": "读数照常保存并标记，规则不判断，不派人。",
    "then.replaced": "设备离开部件，接入凭据失效；读数与履历留在部件上。新设备接替同一位置。",
    "then.retired": "不可撤销。设备离开部件，接入凭据失效；读数与履历保留。",
  },
  en: {
    "steps.title": "Next",
    "steps.end": "Its life has ended.",
    "steps.notYours": "Only engineers and administrators may change this.",
    "steps.back": "Back",
    "steps.reason": "Reason",
    "steps.reasonHint": "kept in its history",
    "steps.needReason": "Say why; it is kept in its history.",
    "steps.component": "Component code",
    "steps.componentHint": "16 digits",
    "steps.needComponent": "Say on which component it is installed: 16 digits.",
    "steps.follower": "New device's label",
    "steps.followerHint": "empty: only take it down",
    "steps.busy": "Saving …",
    "steps.done": "{label}: {state}",
    "steps.refused": "Nothing was saved: {detail}",
    "steps.failed": "Nothing was saved. Try again in a moment.",
    "to.installed": "Install",
    "to.commissioned": "Mark commissioned",
    "to.in_service": "Put into service",
    "to.back": "Back into service",
    "to.maintenance": "To maintenance",
    "to.replaced": "Replace or take down",
    "to.retired": "Retire",
    "then.installed": "It hangs on a component; its first reading commissions it.",
    "then.commissioned": "It was heard from here; rules do not look yet.",
    "then.in_service": "From now on rules look at what it says.",
    "then.maintenance": "Readings are kept and marked, no rule looks, nobody is sent.",
    "then.replaced":
      "It leaves its component and may not enter the broker any more; readings and history stay with the component. " +
      "A new device takes its place.",
    "then.retired":
      "This cannot be undone. It leaves its component and may not enter the broker any more; readings and history stay.",
  },
});

interface Props {
  label: string;
  state: string;
  steps: Step[];
  done: () => void;
}

export function DeviceSteps({ label, state, steps, done }: Props) {
  const [chosen, choose] = useState("");
  const [told, tell] = useState("");
  const buttons = useRef<HTMLFieldSetElement>(null);
  const open = steps.find((step) => step.to === chosen);
  const close = (said: string) => {
    choose("");
    tell(said);
    // the form is gone; the keyboard goes on where it came from
    requestAnimationFrame(() => buttons.current?.focus());
  };
  if (!steps.length) return <p class="muted steps-hint">{t("steps.end")}</p>;
  if (!mayEngineer(me.value)) return <p class="muted steps-hint">{t("steps.notYours")}</p>;
  if (open) {
    const saved = (next: string) => {
      close(t("steps.done", { label, state: say("life", next) }));
      done();
    };
    return <StepForm key={open.to} label={label} state={state} step={open} cancel={() => close("")} saved={saved} />;
  }
  return (
    <>
      <fieldset class="action-buttons steps" ref={buttons} tabIndex={-1} aria-label={t("steps.title")}>
        {steps.map((step) => (
          <button key={step.to} type="button" class="button" onClick={() => choose(step.to)}>
            {nameOf(state, step)}
          </button>
        ))}
      </fieldset>
      <p class="steps-hint" role="status">
        {told}
      </p>
    </>
  );
}

function nameOf(state: string, step: Step): string {
  return word("to", state === "maintenance" && step.to === "in_service" ? "back" : step.to);
}

interface FormProps {
  label: string;
  state: string;
  step: Step;
  cancel: () => void;
  saved: (next: string) => void;
}

function StepForm({ label, state, step, cancel, saved }: FormProps) {
  const [given, setGiven] = useState({ reason: "", component: "", follower: "" });
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("input, button")?.focus(), []);
  const set = (name: keyof typeof given) => (event: Event) =>
    setGiven({ ...given, [name]: (event.currentTarget as HTMLInputElement).value.trimStart() });

  const send = async (event: Event) => {
    event.preventDefault();
    const lacks = lacking(step, given);
    if (lacks) return setProblem(lacks);
    setBusy(true);
    setProblem("");
    try {
      await take(label, step, given);
      saved(step.to);
    } catch (error) {
      setProblem(explained(error as Error));
      setBusy(false);
    }
  };

  return (
    <form class="action-form steps" ref={form} onSubmit={send} noValidate data-testid="step-form">
      <p class={step.to === "retired" ? "steps-hint final" : "steps-hint"}>{word("then", step.to)}</p>
      {step.needs_component && (
        <label>
          <span>{t("steps.component")}</span>
          <input
            class="field num"
            inputMode="numeric"
            maxLength={16}
            placeholder={t("steps.componentHint")}
            value={given.component}
            onInput={set("component")}
          />
        </label>
      )}
      {step.to === "replaced" && (
        <label>
          <span>{t("steps.follower")}</span>
          <input
            class="field"
            maxLength={64}
            placeholder={t("steps.followerHint")}
            value={given.follower}
            onInput={set("follower")}
          />
        </label>
      )}
      <label>
        <span>{t("steps.reason")}</span>
        <input
          class="field"
          maxLength={500}
          placeholder={t("steps.reasonHint")}
          aria-required={step.needs_reason}
          value={given.reason}
          onInput={set("reason")}
        />
      </label>
      {problem && (
        <p class="form-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="action-buttons">
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? t("steps.busy") : nameOf(state, step)}
        </button>
        <button type="button" class="button" onClick={cancel}>
          {t("steps.back")}
        </button>
      </div>
    </form>
  );
}

interface Given {
  reason: string;
  component: string;
  follower: string;
}

function lacking(step: Step, given: Given): string {
  if (step.needs_component && !/^\d{16}$/.test(given.component.trim())) return t("steps.needComponent");
  if (step.needs_reason && !given.reason.trim()) return t("steps.needReason");
  return "";
}

function take(label: string, step: Step, given: Given): Promise<unknown> {
  const reason = given.reason.trim();
  const follower = given.follower.trim();
  if (step.to === "replaced" && follower) return post(`/devices/${label}/replacement`, { by: follower, reason });
  return post(`/devices/${label}/state`, { to: step.to, reason, component_code: given.component.trim() });
}

function explained(error: Error): string {
  const known = error instanceof ApiError && (error.kind === "refused" || error.kind === "conflict");
  const missing = error instanceof ApiError && error.kind === "missing";
  return known || missing ? t("steps.refused", { detail: error.message }) : t("steps.failed");
}
