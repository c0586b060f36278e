/** A list of the API that goes on page by page: what came so far, and how to get more. */
import { useEffect, useState } from "preact/hooks";
import { get, type Query } from "../api/client";

interface Page<Item> {
  items: Item[];
  next: string | null;
}

export interface Listed<Item> {
  /** null until the first page is there */
  items: Item[] | null;
  error: Error | null;
  /** null when there is no more */
  more: (() => void) | null;
  reload: () => void;
}

export function useList<Item>(path: string, query: Query = {}): Listed<Item> {
  const key = `${path}?${JSON.stringify(query)}`;
  const [state, setState] = useState<{ key: string; page: Page<Item> | null; error: Error | null }>({
    key,
    page: null,
    error: null,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    get<Page<Item>>(path, query, stop.signal).then(
      (page) => setState({ key, page, error: null }),
      (error: Error) => !stop.signal.aborted && setState({ key, page: null, error }),
    );
    return () => stop.abort();
  }, [key, round]);
  const { page, error } = state.key === key ? state : { page: null, error: null };
  const next = page?.next;
  const load = async () => {
    try {
      const following = await get<Page<Item>>(path, { ...query, cursor: next ?? undefined });
      setState((now) => (now.page === page ? { key, page: joined(page, following), error: null } : now));
    } catch (reason) {
      setState({ key, page, error: reason as Error });
    }
  };
  return {
    items: page?.items ?? null,
    error,
    more: next ? () => void load() : null,
    reload: () => setRound((count) => count + 1),
  };
}

function joined<Item>(before: Page<Item> | null, following: Page<Item>): Page<Item> {
  return { items: [...(before?.items ?? []), ...following.items], next: following.next };
}
