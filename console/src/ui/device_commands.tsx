/** What a device can be told to do, a form for it, and what became of the last orders. */
import { useEffect, useState } from "preact/hooks";
import { post } from "../api/client";
import { lang } from "../state/store";
import { words } from "../state/words";
import { At, Section } from "./parts";
import { useLoaded } from "./use_loaded";

interface Argument {
  name: string;
  unit: string;
  min: number;
  max: number;
  name_zh: string;
  name_en: string;
}

interface Possible {
  name: string;
  name_zh: string;
  name_en: string;
  arguments: Argument[];
}

interface Order {
  command_id: number;
  command: string;
  arguments: Record<string, number>;
  state: string;
  requested_at: string;
  requested_by: string;
  answer: string | null;
}

const { t, word } = words({
  zh: {
    "command.title": "下发指令",
    "command.what": "指令",
    "command.why": "原因",
    "command.send": "下发",
    "command.cancel": "撤回",
    "state.waiting": "待下发",
    "state.sent": "已下发，待应答",
    "state.done": "已执行",
    "state.refused": "设备拒绝",
    "state.expired": "超时未应答",
    "state.cancelled": "已撤回",
  },
  en: {
    "command.title": "Commands",
    "command.what": "Command",
    "command.why": "Why",
    "command.send": "Send",
    "command.cancel": "Cancel",
    "state.waiting": "waiting",
    "state.sent": "sent, no answer yet",
    "state.done": "done",
    "state.refused": "refused by the device",
    "state.expired": "no answer in time",
    "state.cancelled": "cancelled",
  },
});

const SHOWN = 5;
const LOOK_MS = 2000;
const OPEN = new Set(["waiting", "sent"]);

/** Nothing for a device that can be told nothing. */
export function DeviceCommands({ label }: { label: string }) {
  const { data: possible } = useLoaded<Possible[]>(`/devices/${label}/commands/possible`);
  const { data: orders, reload } = useLoaded<{ items: Order[] }>(`/devices/${label}/commands`, { limit: SHOWN });
  const waits = orders?.items.some((order) => OPEN.has(order.state));
  useEffect(() => {
    if (!waits) return;
    const timer = setInterval(reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [waits, reload]);
  if (!possible?.length) return null;
  const named = (name: string) => {
    const found = possible.find((it) => it.name === name);
    return found ? found[`name_${lang.value}`] : name;
  };
  const cancel = (id: number) => post(`/devices/${label}/commands/${id}/cancel`, {}).finally(reload);
  return (
    <Section title={t("command.title")}>
      <CommandForm label={label} possible={possible} done={reload} />
      <ol class="life">
        {orders?.items.map((order) => (
          <li key={order.command_id}>
            <b>{[named(order.command), ...Object.values(order.arguments)].join(" ")}</b>
            <span>
              {word("state", order.state)} {order.answer}
            </span>
            <span class="muted">
              <At at={order.requested_at} /> {order.requested_by}
            </span>
            {OPEN.has(order.state) && (
              <button type="button" class="button" onClick={() => cancel(order.command_id)}>
                {t("command.cancel")}
              </button>
            )}
          </li>
        ))}
      </ol>
    </Section>
  );
}

function CommandForm({ label, possible, done }: { label: string; possible: Possible[]; done: () => void }) {
  const [name, setName] = useState(possible[0]?.name ?? "");
  const [given, setGiven] = useState<Record<string, string>>({});
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const wanted = possible.find((it) => it.name === name)?.arguments ?? [];

  const send = async (event: Event) => {
    event.preventDefault();
    try {
      const numbers = Object.fromEntries(wanted.map((it) => [it.name, Number(given[it.name])]));
      await post(`/devices/${label}/commands`, { command: name, arguments: numbers, reason });
      setProblem("");
      done();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };

  return (
    <form class="action-form" onSubmit={send}>
      <label>
        {t("command.what")}
        <select class="field" value={name} onChange={(event) => setName(event.currentTarget.value)}>
          {possible.map((it) => (
            <option key={it.name} value={it.name}>
              {it[`name_${lang.value}`]}
            </option>
          ))}
        </select>
      </label>
      {wanted.map((it) => (
        <label key={it.name}>
          {`${it[`name_${lang.value}`]} (${it.unit}, ${it.min}–${it.max})`}
          <input
            class="field"
            type="number"
            required
            step="any"
            min={it.min}
            max={it.max}
            value={given[it.name] ?? ""}
            onInput={(event) => setGiven({ ...given, [it.name]: event.currentTarget.value })}
          />
        </label>
      ))}
      <label>
        {t("command.why")}
        <input class="field" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      {problem && (
        <p class="form-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="action-buttons">
        <button type="submit" class="button primary">
          {t("command.send")}
        </button>
      </div>
    </form>
  );
}
