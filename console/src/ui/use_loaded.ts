/** Load something from the API for a panel: what came, what went wrong, and how to try again. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { get, type Query } from "../api/client";

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  reload: () => void;
}

/** `refresh` is any value whose change means "ask again, and keep showing what there is meanwhile". */
export function useLoaded<T>(path: string, query: Query = {}, refresh: unknown = null): Loaded<T> {
  const key = `${path}?${JSON.stringify(query)}`;
  const [state, setState] = useState<{ key: string; data: T | null; error: Error | null }>({
    key,
    data: null,
    error: null,
  });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    const stop = new AbortController();
    get<T>(path, query, stop.signal).then(
      (data) => setState({ key, data, error: null }),
      (error: Error) => {
        if (!stop.signal.aborted) setState((before) => ({ key, data: before.key === key ? before.data : null, error }));
      },
    );
    return () => stop.abort();
  }, [key, round, refresh]);
  const current = state.key === key;
  return { data: current ? state.data : null, error: current ? state.error : null, reload };
}
