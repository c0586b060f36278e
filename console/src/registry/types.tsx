/** Tab: device types. What each measures, what it may stand on, what an installer notes, what to send. */
import { unitText } from "../lib/number";
import { span } from "../lib/time";
import { Failed } from "../page/frame";
import { go } from "../page/route";
import { lang, named } from "../page/state";
import type { TabProps } from "../page/tabs";
import { words } from "../page/words";
import { useLoaded } from "../ui/use_loaded";

interface Named {
  name_zh: string;
  name_en: string;
}

interface Type extends Named {
  profile: string;
  version: number;
  kind: string;
  interval_s: number;
  classes: string[];
  shipped: boolean;
  devices: number;
}

interface Parameter extends Named {
  name: string;
  unit: string;
  min: number;
  max: number;
}

interface Channel extends Parameter {
  sent: string | null;
  since_version: number | null;
}

interface Detail extends Type {
  channels: Channel[];
  install: (Parameter & { default: number | null })[];
  commands: string[];
  topic: string;
  example: string;
}

const { t } = words({
  zh: {
    "types.list": "设备类型",
    "types.own": "本市",
    "types.version": "版本 {version}",
    "types.every": "每{span}上报",
    "types.devices": "{count} 台在用",
    "types.classes": "可安装的部件类：{classes}",
    "types.none": "不安装在部件上",
    "types.channel": "测量项",
    "types.unit": "单位",
    "types.range": "合理范围",
    "types.sent": "上报形式",
    "types.since": "起始版本",
    "types.install": "安装参数",
    "types.usual": "缺省",
    "types.example": "上报示例",
    "types.back": "全部类型",
  },
  en: {
    "types.list": "Device types",
    "types.own": "own",
    "types.version": "version {version}",
    "types.every": "every {span}",
    "types.devices": "{count} in use",
    "types.classes": "Stands on classes {classes}",
    "types.none": "Stands on no component",
    "types.channel": "Channel",
    "types.unit": "Unit",
    "types.range": "Plausible",
    "types.sent": "Sent as",
    "types.since": "Since version",
    "types.install": "Noted by the installer",
    "types.usual": "Default",
    "types.example": "An example of what to send",
    "types.back": "All types",
  },
});

export default function TypesTab({ rest }: TabProps) {
  return rest ? <One profile={rest} /> : <All />;
}

function All() {
  const { data, error, reload } = useLoaded<{ items: Type[] }>("/device-types");
  if (error) return <Failed error={error} retry={reload} />;
  return (
    <div class="sheet-scroll" aria-busy={!data}>
      <table class="sheet">
        <thead>
          <tr>
            <th>{t("types.list")}</th>
            <th />
            <th />
            <th />
          </tr>
        </thead>
        <tbody>
          {data?.items.map((type) => (
            <tr key={type.profile}>
              <td>
                <button type="button" class="link-row" onClick={() => go("types", type.profile)}>
                  {named(type.name_zh, type.name_en)}
                </button>
              </td>
              <td>{t("types.every", { span: span(type.interval_s * 1000, lang.value) })}</td>
              <td>{t("types.devices", { count: type.devices })}</td>
              <td class="muted">{type.shipped ? "" : t("types.own")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function One({ profile }: { profile: string }) {
  const { data: type, error, reload } = useLoaded<Detail>(`/device-types/${profile}`);
  if (error) return <Failed error={error} retry={reload} />;
  if (!type) return <p class="muted" aria-busy="true" />;
  return (
    <>
      <button type="button" class="text-button" onClick={() => go("types")}>
        ‹ {t("types.back")}
      </button>
      <h2>{named(type.name_zh, type.name_en)}</h2>
      <p class="muted">
        {type.profile} · {t("types.version", { version: type.version })} ·{" "}
        {t("types.every", { span: span(type.interval_s * 1000, lang.value) })} ·{" "}
        {t("types.devices", { count: type.devices })}
      </p>
      <p>{type.classes.length ? t("types.classes", { classes: type.classes.join(" ") }) : t("types.none")}</p>
      <Channels channels={type.channels} />
      {type.install.length > 0 && <Install parameters={type.install} />}
      <h3>{t("types.example")}</h3>
      <pre class="sheet-scroll">{`${type.topic}\n${type.example}`}</pre>
    </>
  );
}

const range = ({ min, max }: Parameter) => `${min} – ${max}`;

function Channels({ channels }: { channels: Channel[] }) {
  return (
    <div class="sheet-scroll">
      <table class="sheet">
        <thead>
          <tr>
            <th>{t("types.channel")}</th>
            <th>{t("types.unit")}</th>
            <th>{t("types.range")}</th>
            <th>{t("types.sent")}</th>
            <th>{t("types.since")}</th>
          </tr>
        </thead>
        <tbody>
          {channels.map((channel) => (
            <tr key={channel.name}>
              <td>
                {named(channel.name_zh, channel.name_en)} <span class="muted">{channel.name}</span>
              </td>
              <td>{unitText(channel.unit)}</td>
              <td>{range(channel)}</td>
              <td>{channel.sent}</td>
              <td>{channel.since_version}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Install({ parameters }: { parameters: Detail["install"] }) {
  return (
    <div class="sheet-scroll">
      <table class="sheet">
        <thead>
          <tr>
            <th>{t("types.install")}</th>
            <th>{t("types.unit")}</th>
            <th>{t("types.range")}</th>
            <th>{t("types.usual")}</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map((one) => (
            <tr key={one.name}>
              <td>{named(one.name_zh, one.name_en)}</td>
              <td>{unitText(one.unit)}</td>
              <td>{range(one)}</td>
              <td>{one.default}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
