/** The last message of a device as it came, asked for when an engineer opens it. */
import { useState } from "preact/hooks";
import { words } from "../state/words";
import { Age, ErrorBox, Section, Skeleton } from "./parts";
import { useLoaded } from "./use_loaded";

interface Message {
  received_at: string;
  topic: string;
  format: string;
  encoding: string;
  payload: string;
  bytes: number;
  truncated: boolean;
  refused: string | null;
  is_followed: boolean;
}

const { t } = words({
  zh: {
    "raw.title": "最近一条原始消息",
    "raw.show": "查看",
    "raw.again": "刷新",
    "raw.none": "还没有保存过它的消息。",
    "raw.followed": "此后又收到过消息：每台设备每分钟最多保存一条。",
    "raw.refused": "被拒收：{reason}",
    "raw.hidden": "这条消息还带有其他设备的数据，超出您的范围，不显示内容。",
    "raw.facts": "{format}，{bytes} 字节",
    "raw.hex": "十六进制",
    "raw.cut": "只保存了开头部分",
  },
  en: {
    "raw.title": "Last message as it came",
    "raw.show": "Show",
    "raw.again": "Refresh",
    "raw.none": "No message of it was kept yet.",
    "raw.followed": "It was heard since: at most one message a minute is kept of each device.",
    "raw.refused": "Refused: {reason}",
    "raw.hidden": "It speaks for other devices too, beyond your area: its content is not shown.",
    "raw.facts": "{format}, {bytes} bytes",
    "raw.hex": "as hex",
    "raw.cut": "only its beginning was kept",
  },
});

export function DeviceMessage({ label }: { label: string }) {
  const [round, setRound] = useState(0);
  return (
    <Section
      title={t("raw.title")}
      aside={
        <button type="button" class="text-button" onClick={() => setRound(round + 1)}>
          {t(round ? "raw.again" : "raw.show")}
        </button>
      }
    >
      {round > 0 && <Shown label={label} round={round} />}
    </Section>
  );
}

function Shown({ label, round }: { label: string; round: number }) {
  const { data, error, reload } = useLoaded<{ message: Message | null }>(`/devices/${label}/last-message`, {}, round);
  if (error) return <ErrorBox error={error} retry={reload} />;
  if (!data) return <Skeleton rows={2} />;
  const message = data.message;
  if (!message) return <p class="muted">{t("raw.none")}</p>;
  const notes = [
    t("raw.facts", { format: message.format, bytes: message.bytes }),
    message.encoding === "hex" && t("raw.hex"),
    message.truncated && t("raw.cut"),
  ].filter(Boolean);
  return (
    <div data-testid="raw-message">
      <p class="muted">
        <Age at={message.received_at} /> · {notes.join(" · ")}
      </p>
      <p class="raw-topic">{message.topic}</p>
      {message.encoding === "hidden" ? (
        <p class="muted">{t("raw.hidden")}</p>
      ) : (
        <pre class="raw">{message.payload}</pre>
      )}
      {message.refused && <p class="form-problem">{t("raw.refused", { reason: message.refused })}</p>}
      {message.is_followed && <p class="muted">{t("raw.followed")}</p>}
    </div>
  );
}
