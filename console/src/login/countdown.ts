/** Counts seconds down to when the next try is taken. */
import { useEffect, useState } from "preact/hooks";

export function useCountdown(): [number, (seconds: number) => void] {
  const [endMs, setEndMs] = useState(0);
  const [nowMs, setNowMs] = useState(0);
  useEffect(() => {
    if (endMs <= Date.now()) return;
    const timer = setInterval(() => setNowMs(Date.now()), 250);
    return () => clearInterval(timer);
  }, [endMs]);
  const begin = (seconds: number) => {
    setNowMs(Date.now());
    setEndMs(Date.now() + seconds * 1000);
  };
  return [Math.max(0, Math.ceil((endMs - nowMs) / 1000)), begin];
}

/** Minutes and seconds. */
export function remaining(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
