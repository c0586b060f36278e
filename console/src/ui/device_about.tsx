/** What a device is: maker, model, serial number, hardware, firmware; who said it and when; a form for those who may. */
import { useState } from "preact/hooks";
import { mayEngineer } from "../api/account";
import { patch } from "../api/client";
import type { DeviceAbout } from "../api/types";
import { me } from "../state/account";
import { words } from "../state/words";
import { At, Facts, Section } from "./parts";

const WORDS = ["maker", "model", "serial", "hardware", "firmware"] as const;
type Given = Record<(typeof WORDS)[number], string>;

const { t } = words({
  zh: {
    "about.title": "型号与固件",
    "about.edit": "修改",
    "about.save": "保存",
    "about.back": "返回",
    "about.reason": "原因",
    "about.nothing": "还没有人填写，设备自己也没有上报。",
    "about.said": "说明来源",
    "about.device": "设备自报",
    "about.maker": "厂商",
    "about.model": "型号",
    "about.serial": "序列号",
    "about.hardware": "硬件版本",
    "about.firmware": "固件版本",
  },
  en: {
    "about.title": "Model and firmware",
    "about.edit": "Edit",
    "about.save": "Save",
    "about.back": "Back",
    "about.reason": "Reason",
    "about.nothing": "Nobody noted it yet, and it does not say it itself.",
    "about.said": "Said by",
    "about.device": "the device",
    "about.maker": "Maker",
    "about.model": "Model",
    "about.serial": "Serial number",
    "about.hardware": "Hardware",
    "about.firmware": "Firmware",
  },
});

export const nameOfWord = (name: string) => t(`about.${name}` as "about.model");

export function AboutDevice({ label, about, changed }: { label: string; about: DeviceAbout; changed: () => void }) {
  const [editing, edit] = useState(false);
  const said = WORDS.filter((name) => about[name]);
  const done = () => {
    edit(false);
    changed();
  };
  return (
    <Section
      title={t("about.title")}
      aside={
        mayEngineer(me.value) && !editing ? (
          <button type="button" class="text-button" onClick={() => edit(true)}>
            {t("about.edit")}
          </button>
        ) : undefined
      }
    >
      {editing ? (
        <AboutForm label={label} about={about} done={done} cancel={() => edit(false)} />
      ) : said.length ? (
        <Facts
          rows={[
            ...said.map((name): [string, string] => [t(`about.${name}`), about[name]]),
            [
              t("about.said"),
              <span key="by">
                {about.by === "device" ? t("about.device") : about.by} <At at={about.at} />
              </span>,
            ],
          ]}
        />
      ) : (
        <p class="muted">{t("about.nothing")}</p>
      )}
    </Section>
  );
}

interface FormProps {
  label: string;
  about: DeviceAbout;
  done: () => void;
  cancel: () => void;
}

function AboutForm({ label, about, done, cancel }: FormProps) {
  const [given, setGiven] = useState<Given>({ ...about });
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const send = async (event: Event) => {
    event.preventDefault();
    const changes = Object.fromEntries(WORDS.filter((it) => given[it] !== about[it]).map((it) => [it, given[it]]));
    if (!Object.keys(changes).length) return cancel();
    try {
      await patch(`/devices/${label}/about`, { ...changes, reason });
      done();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <form class="action-form" onSubmit={send}>
      {WORDS.map((name) => (
        <label key={name}>
          <span>{t(`about.${name}`)}</span>
          <input
            class="field"
            name={name}
            maxLength={100}
            value={given[name]}
            onInput={(event) => setGiven({ ...given, [name]: event.currentTarget.value })}
          />
        </label>
      ))}
      <label>
        <span>{t("about.reason")}</span>
        <input class="field" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      {problem && (
        <p class="form-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="action-buttons">
        <button type="submit" class="button primary">
          {t("about.save")}
        </button>
        <button type="button" class="button" onClick={cancel}>
          {t("about.back")}
        </button>
      </div>
    </form>
  );
}
