/** Find anything of the city by code, label, number or name; what matches is offered while typing. */
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import { select } from "../state/control";
import { flight } from "../state/locate";
import { lang, t, word } from "../state/store";
import type { Selection } from "../state/view";
import { Icon } from "./glyphs";

interface Hit {
  kind: "component" | "device" | "incident" | "street" | "area" | "grid" | "department";
  id: string;
  title_zh: string;
  title_en: string;
  note_zh: string;
  note_en: string;
  match_zh: [number, number] | null;
  match_en: [number, number] | null;
  lon: number | null;
  lat: number | null;
  box: [number, number, number, number] | null;
}

interface Answer {
  wanted: string;
  hits: Hit[];
}

const MOST = 12;
const WAIT_MS = 120;
export const SEARCH_ID = "search";

export function Search() {
  const [text, setText] = useState("");
  const [answer, setAnswer] = useState<Answer>({ wanted: "", hits: [] });
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const [hurried, setHurried] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const wanted = text.trim();
  useEffect(() => lookUp(wanted, setAnswer), [wanted]);
  const searching = answer.wanted !== wanted;
  const hits = searching ? [] : answer.hits;

  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    goTo(hit);
    setText("");
    setOpen(false);
    box.current?.querySelector("input")?.blur();
  };
  // Enter before the answer is there opens the first hit when it comes
  useEffect(() => {
    if (!hurried || searching) return;
    setHurried(false);
    go(hits[0]);
  }, [hurried, searching]);
  const onKey = (event: KeyboardEvent) => {
    // Enter that ends the writing of a Chinese word chooses nothing yet
    if (event.isComposing) return;
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, hits.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter" && searching) setHurried(true);
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
        aria-activedescendant={shown && hits[at] ? hitId(at) : undefined}
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
          setHurried(false);
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
              key={`${hit.kind} ${hit.id}`}
              id={hitId(index)}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              class={index === at ? "hit hit-at" : "hit"}
              onPointerDown={() => go(hit)}
            >
              <Found hit={hit} />
            </div>
          ))}
          {!hits.length && <Nothing text={wanted} searching={searching} />}
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

/** The title with what was typed marked in it; then what it is. */
function Found({ hit }: { hit: Hit }) {
  const chinese = lang.value === "zh";
  const title = chinese ? hit.title_zh : hit.title_en;
  const other = chinese ? hit.title_en : hit.title_zh;
  const match = chinese ? hit.match_zh : hit.match_en;
  const [start, end] = match ?? [0, 0];
  const note = word("profile", chinese ? hit.note_zh : hit.note_en);
  return (
    <>
      <span class="num">
        {title.slice(0, start)}
        <mark>{title.slice(start, end)}</mark>
        {title.slice(end)}
      </span>
      <span class="muted">
        {[t(`search.${hit.kind}`), match || other === title ? "" : other, note].filter(Boolean).join(" · ")}
      </span>
    </>
  );
}

const hitId = (index: number) => `search-hit-${index}`;

/** Open what has a page of its own; go to what is only a place. */
function goTo(hit: Hit): void {
  const selection = selectionOf(hit);
  if (selection) select(selection);
  else if (hit.lon !== null && hit.lat !== null) flight.value = { position: [hit.lon, hit.lat], box: hit.box };
}

function selectionOf({ kind, id }: Hit): Selection | null {
  if (kind === "incident") return { kind, id: Number(id) };
  return kind === "device" || kind === "component" ? { kind, id } : null;
}

/** A wanted text differs from the answer's while that is on its way. */
function lookUp(wanted: string, take: (answer: Answer) => void): (() => void) | undefined {
  if (!wanted) return void take({ wanted, hits: [] });
  const stop = new AbortController();
  const timer = setTimeout(() => {
    get<{ items: Hit[] }>("/search", { q: wanted.slice(0, 64), limit: MOST }, stop.signal).then(
      (answer) => take({ wanted, hits: answer.items }),
      () => {
        if (!stop.signal.aborted) take({ wanted, hits: [] });
      },
    );
  }, WAIT_MS);
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
}
