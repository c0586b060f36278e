/** Find a component by its code or a device by its label; what matches by its beginning is offered while typing. */
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import type { Page } from "../api/types";
import { select } from "../state/control";
import { devices, named, t, word } from "../state/store";
import type { Selection } from "../state/view";
import { Icon } from "./glyphs";

interface Hit {
  key: string;
  title: string;
  note: string;
  selection: Selection;
}

interface ComponentRow {
  code: string;
  class_name_zh: string;
  class_name_en: string;
}

const MOST = 8;
const WAIT_MS = 150;
export const SEARCH_ID = "search";

export function Search() {
  const [text, setText] = useState("");
  const [components, setComponents] = useState<ComponentRow[] | null>([]);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const wanted = text.trim();
  useEffect(() => lookUp(wanted, setComponents), [wanted]);
  const hits = [...deviceHits(wanted), ...(components ?? []).map(componentHit)].slice(0, MOST);

  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    select(hit.selection);
    setText("");
    setOpen(false);
    box.current?.querySelector("input")?.blur();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, hits.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") go(hits[at]);
    else if (event.key === "Escape") {
      setText("");
      (event.currentTarget as HTMLElement).blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = open && wanted.length > 0;
  return (
    <div class="search" ref={box}>
      <Icon name="search" />
      <input
        id={SEARCH_ID}
        class="field"
        type="search"
        // biome-ignore lint/a11y/noRedundantRoles: without a <datalist> it would be a search box
        role="combobox"
        list={undefined}
        aria-expanded={shown}
        aria-controls="search-hits"
        aria-autocomplete="list"
        aria-label={t("search.hint")}
        placeholder={t("search.placeholder")}
        title={t("search.hint")}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setTimeout(() => setOpen(false), 150)}
        onKeyDown={onKey}
      />
      <kbd class="wide-only">/</kbd>
      {shown && (
        <div class="search-hits" id="search-hits" role="listbox">
          {hits.map((hit, index) => (
            <div
              key={hit.key}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              class={index === at ? "hit hit-at" : "hit"}
              onPointerDown={() => go(hit)}
            >
              <span class="num">{hit.title}</span>
              <span class="muted">{hit.note}</span>
            </div>
          ))}
          {!hits.length && <Nothing text={wanted} searching={components === null} />}
        </div>
      )}
    </div>
  );
}

function Nothing({ text, searching }: { text: string; searching: boolean }) {
  if (searching) return <p class="hit muted">{t("search.searching")}</p>;
  return (
    <div class="hit">
      <span>{t("search.none", { text })}</span>
      <span class="muted">{t("search.noneHint")}</span>
    </div>
  );
}

/** Null while the answer is on its way. */
function lookUp(wanted: string, take: (rows: ComponentRow[] | null) => void): (() => void) | undefined {
  if (!/^\d{4,16}$/.test(wanted)) return void take([]);
  take(null);
  const stop = new AbortController();
  const timer = setTimeout(() => {
    get<Page<ComponentRow>>("/components", { code: wanted, limit: MOST }, stop.signal).then(
      (page) => take(page.items),
      () => {
        if (!stop.signal.aborted) take([]);
      },
    );
  }, WAIT_MS);
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
}

function deviceHits(wanted: string): Hit[] {
  const small = wanted.toLowerCase();
  if (!small) return [];
  const hits: Hit[] = [];
  for (const [label, row] of devices.value) {
    if (!label.toLowerCase().includes(small)) continue;
    hits.push({
      key: label,
      title: label,
      note: `${word("profile", row[1])} · ${word("summary", row[4])}`,
      selection: { kind: "device", id: label },
    });
    if (hits.length >= MOST) break;
  }
  return hits;
}

function componentHit(row: ComponentRow): Hit {
  return {
    key: row.code,
    title: row.code,
    note: named(row.class_name_zh, row.class_name_en),
    selection: { kind: "component", id: row.code },
  };
}
