/** Tab: devices that send and are not registered. A form is filled with what they say of themselves; a person decides. */
import { useState } from "preact/hooks";
import { get, post } from "../api/client";
import type { Page } from "../api/types";
import { grouped } from "../lib/number";
import { absolute } from "../lib/time";
import { Failed, Nothing } from "../page/frame";
import { named } from "../page/state";
import { words } from "../page/words";
import { useLoaded } from "../ui/use_loaded";

interface Unknown {
  unknown_id: number;
  format: string;
  address: string;
  district_code: string;
  gateway: string;
  topic: string;
  payload: string;
  first_seen: string;
  last_seen: string;
  seen: number;
  ignored_reason: string | null;
  profiles: string[];
  lon: number | null;
  lat: number | null;
}

interface Types {
  items: { profile: string; name_zh: string; name_en: string; classes: string[] }[];
}

const { t } = words({
  zh: {
    "knock.nobody": "没有未登记的设备在上报",
    "knock.nobodyHint": "未登记设备的消息被拒收时，设备会出现在这里。",
    "knock.ignored": "已忽略",
    "knock.current": "正在上报",
    "knock.seen": "{count} 条，最近 {at}",
    "knock.through": "经网关 {gateway}",
    "knock.type": "设备类型",
    "knock.label": "标签",
    "knock.component": "部件编码",
    "knock.nearest": "用我的位置找最近的部件",
    "knock.register": "登记",
    "knock.ignore": "忽略",
    "knock.reason": "为什么忽略？",
    "knock.done": "{label} 已登记，之前的消息正在补收",
  },
  en: {
    "knock.nobody": "No unregistered device sends",
    "knock.nobodyHint": "A device appears here when its messages are refused because nobody registered it.",
    "knock.ignored": "Ignored",
    "knock.current": "Sending",
    "knock.seen": "{count} messages, last {at}",
    "knock.through": "through gateway {gateway}",
    "knock.type": "Device type",
    "knock.label": "Label",
    "knock.component": "Component code",
    "knock.nearest": "Find the component nearest to me",
    "knock.register": "Register",
    "knock.ignore": "Ignore",
    "knock.reason": "Why is it ignored?",
    "knock.done": "{label} is registered; what it said before is being taken in",
  },
});

export default function UnknownTab() {
  const [ignored, setIgnored] = useState(false);
  const [done, setDone] = useState("");
  const { data, error, reload } = useLoaded<Page<Unknown>>("/unknown-devices", { ignored: String(ignored) });
  const types = useLoaded<Types>("/device-types").data?.items ?? [];
  const changed = (label: string) => {
    setDone(label);
    reload();
  };
  return (
    <>
      <fieldset class="segments">
        {[false, true].map((one) => (
          <button key={String(one)} type="button" aria-pressed={ignored === one} onClick={() => setIgnored(one)}>
            {t(one ? "knock.ignored" : "knock.current")}
          </button>
        ))}
      </fieldset>
      <p role="status">{done && t("knock.done", { label: done })}</p>
      {error && <Failed error={error} retry={reload} />}
      {data && !data.items.length && <Nothing title={t("knock.nobody")} hint={t("knock.nobodyHint")} />}
      {data?.items.map((device) => (
        <Stranger key={device.unknown_id} device={device} types={types} changed={changed} />
      ))}
    </>
  );
}

interface StrangerProps {
  device: Unknown;
  types: Types["items"];
  changed: (label: string) => void;
}

function Stranger({ device, types, changed }: StrangerProps) {
  const [error, setError] = useState<Error | null>(null);
  const at = absolute(device.last_seen, Intl.DateTimeFormat().resolvedOptions().timeZone);
  const run = (work: Promise<string>) => {
    setError(null);
    work.then(changed, setError);
  };
  const ignore = () => {
    const reason = prompt(t("knock.reason"))?.trim();
    if (reason) run(post(`/unknown-devices/${device.unknown_id}/ignore`, { reason }).then(() => ""));
  };
  return (
    <details class="sheet-scroll stranger">
      <summary>
        <b>{device.address}</b>{" "}
        <span class="muted">
          {device.format} {device.district_code} {t("knock.seen", { count: grouped(device.seen), at })}{" "}
          {device.gateway && t("knock.through", { gateway: device.gateway })} {device.ignored_reason}
        </span>
      </summary>
      <pre>{`${device.topic}\n${device.payload}`}</pre>
      <Registration device={device} types={types} run={run} />
      {!device.ignored_reason && (
        <button type="button" class="text-button" onClick={ignore}>
          {t("knock.ignore")}
        </button>
      )}
      {error && <Failed error={error} />}
    </details>
  );
}

interface RegistrationProps {
  device: Unknown;
  types: Types["items"];
  run: (work: Promise<string>) => void;
}

function Registration({ device, types, run }: RegistrationProps) {
  const byLabel = /^[A-Za-z0-9_-]{1,64}$/.test(device.address);
  const [profile, setProfile] = useState(device.profiles[0] ?? "");
  const [label, setLabel] = useState(byLabel ? device.address : "");
  const [component, setComponent] = useState("");
  const onComponent = Boolean(types.find((type) => type.profile === profile)?.classes.length);
  const submit = (event: Event) => {
    event.preventDefault();
    const place = onComponent ? { component_code: component } : { lon: device.lon, lat: device.lat };
    const body = { profile, label, district_code: device.district_code, ...place };
    run(post<{ label: string }>(`/unknown-devices/${device.unknown_id}/registration`, body).then((made) => made.label));
  };
  const nearest = () =>
    navigator.geolocation.getCurrentPosition(({ coords }) =>
      run(
        get<{ items: { code: string }[] }>("/components/near", {
          lon: coords.longitude,
          lat: coords.latitude,
          profile,
        }).then((near) => {
          setComponent(near.items[0]?.code ?? "");
          return "";
        }),
      ),
    );
  return (
    <form class="stranger-form" onSubmit={submit}>
      <label>
        {t("knock.type")}
        <select class="field" value={profile} required onChange={(event) => setProfile(event.currentTarget.value)}>
          <option value="" />
          {types.map((type) => (
            <option key={type.profile} value={type.profile}>
              {named(type.name_zh, type.name_en)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("knock.label")}
        <input class="field" value={label} required onInput={(event) => setLabel(event.currentTarget.value)} />
      </label>
      {onComponent && (
        <label>
          {t("knock.component")}
          <input
            class="field"
            inputMode="numeric"
            pattern="[0-9]{16}"
            value={component}
            required
            onInput={(event) => setComponent(event.currentTarget.value)}
          />
          <button type="button" class="text-button" onClick={nearest}>
            {t("knock.nearest")}
          </button>
        </label>
      )}
      <button type="submit" class="button">
        {t("knock.register")}
      </button>
    </form>
  );
}
