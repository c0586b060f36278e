/** Tab: ownership. How much of the city finds its department by itself, what is unclear, and naming units in bulk. */
import { useState } from "preact/hooks";
import { address, get } from "../api/client";
import { grouped, percent } from "../lib/number";
import { Failed, Nothing } from "../page/frame";
import { named } from "../page/state";
import { useLoaded } from "../ui/use_loaded";
import { AssignForm } from "./ownership_form";
import { t, word } from "./ownership_text";
import { type Count, REASONS, type Reason, type Share, type Unclear } from "./ownership_types";

const GROUPS = ["class", "district", "street", "community"] as const;
type Group = (typeof GROUPS)[number];

interface Chosen {
  class_code?: string | undefined;
  area?: string | undefined;
  reason?: Reason | undefined;
}

export default function OwnershipTab() {
  const [round, setRound] = useState(0);
  const [by, setBy] = useState<Group>("class");
  const [chosen, setChosen] = useState<Chosen>({});
  const [assigning, setAssigning] = useState(false);
  const share = useLoaded<Share>("/ownership/dispatch", {}, round);
  const counts = useLoaded<{ items: Count[] }>("/ownership/counts", { by }, round);
  const error = share.error ?? counts.error;
  if (error) return <Failed error={error} retry={() => setRound(round + 1)} />;
  const unclear = counts.data?.items.filter((row) => row.unclear > 0) ?? [];
  const done = () => {
    setAssigning(false);
    setRound(round + 1);
  };
  return (
    <>
      {share.data && <ShareLine share={share.data} />}
      {assigning ? (
        <AssignForm
          classes={chosen.class_code ?? ""}
          areas={chosen.area ?? ""}
          done={done}
          cancel={() => setAssigning(false)}
        />
      ) : (
        <p>
          <button type="button" class="button primary" onClick={() => setAssigning(true)}>
            {t("own.assign")}
          </button>
        </p>
      )}
      {counts.data && unclear.length === 0 && <Nothing title={t("own.clear")} hint={t("own.clearHint")} />}
      {!counts.data && (
        <p class="muted" role="status">
          {t("own.counting")}
        </p>
      )}
      {unclear.length > 0 && (
        <>
          <label>
            {t("own.by")}{" "}
            <select class="field" value={by} onChange={(event) => setBy(event.currentTarget.value as Group)}>
              {GROUPS.map((group) => (
                <option key={group} value={group}>
                  {word("own", group)}
                </option>
              ))}
            </select>
          </label>
          <Counts
            rows={unclear}
            by={by}
            choose={(key) => setChosen({ ...chosen, class_code: undefined, area: undefined, ...key })}
          />
          <Worklist
            key={`${JSON.stringify(chosen)}${round}`}
            chosen={chosen}
            choose={(reason) => setChosen({ ...chosen, reason })}
          />
        </>
      )}
    </>
  );
}

function ShareLine({ share }: { share: Share }) {
  const part = percent(share.components ? share.by_itself / share.components : 0);
  return <p>{t("own.share", { part, count: grouped(share.by_itself), all: grouped(share.components) })}</p>;
}

interface CountsProps {
  rows: Count[];
  by: Group;
  choose: (key: Chosen) => void;
}

function Counts({ rows, by, choose }: CountsProps) {
  const reasons = REASONS.filter((reason) => rows.some((row) => row[reason]));
  return (
    <div class="sheet-scroll">
      <table class="sheet">
        <thead>
          <tr>
            <th>{word("own", by)}</th>
            <th>{t("own.components")}</th>
            <th>{t("own.unclear")}</th>
            {reasons.map((reason) => (
              <th key={reason}>{word("reason", reason)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 40).map((row) => (
            <tr key={row.key}>
              <td class="row-name">
                <button
                  type="button"
                  class="link-row"
                  disabled={!row.key}
                  onClick={() => choose(by === "class" ? { class_code: row.key ?? "" } : { area: row.key ?? "" })}
                >
                  {row.key} {named(row.name_zh, row.name_en)}
                </button>
              </td>
              <td>{grouped(row.components)}</td>
              <td>{grouped(row.unclear)}</td>
              {reasons.map((reason) => (
                <td key={reason}>{row[reason] ? grouped(row[reason]) : ""}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Page {
  items: Unclear[];
  next: string | null;
}

function Worklist({ chosen, choose }: { chosen: Chosen; choose: (reason?: Reason) => void }) {
  const query = { class_code: chosen.class_code, area: chosen.area, reason: chosen.reason };
  const { data, error, reload } = useLoaded<Page>("/ownership/worklist", { ...query, limit: 50 });
  const [more, setMore] = useState<Page | null>(null);
  const [failed, setFailed] = useState<Error | null>(null);
  if (error ?? failed) return <Failed error={(error ?? failed) as Error} retry={reload} />;
  const rows = [...(data?.items ?? []), ...(more?.items ?? [])];
  const next = more ? more.next : data?.next;
  const load = () =>
    get<Page>("/ownership/worklist", { ...query, limit: 50, cursor: next ?? undefined }).then(
      (page) => setMore({ items: [...(more?.items ?? []), ...page.items], next: page.next }),
      setFailed,
    );
  return (
    <>
      <h2>
        {t("own.list")} {chosen.class_code ?? chosen.area ?? ""}
      </h2>
      <p>
        <select
          class="field"
          aria-label={t("own.why")}
          value={chosen.reason ?? ""}
          onChange={(event) => choose((event.currentTarget.value || undefined) as Reason | undefined)}
        >
          <option value="">{t("own.any")}</option>
          {REASONS.map((reason) => (
            <option key={reason} value={reason}>
              {word("reason", reason)}
            </option>
          ))}
        </select>{" "}
        <a class="button" href={address("/ownership/worklist.csv", query)} download>
          {t("own.export")}
        </a>
      </p>
      <div class="sheet-scroll" aria-busy={!data}>
        <table class="sheet">
          <thead>
            <tr>
              <th>{t("own.code")}</th>
              <th>{t("own.class")}</th>
              <th>{t("own.units")}</th>
              <th>{t("own.why")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.code}>
                <td>{row.code}</td>
                <td>{named(row.class_name_zh, row.class_name_en)}</td>
                <td>{[row.competent_zh, row.owner_zh, row.maintainer_zh].map((name) => name ?? "–").join(" / ")}</td>
                <td>{row.reasons.map((reason) => word("reason", reason)).join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {next && (
        <button type="button" class="button" onClick={load}>
          {t("own.more")}
        </button>
      )}
    </>
  );
}
