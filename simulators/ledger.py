"""The ledger: every acknowledged message of a run on disk, so that a checker can count what was lost. Files only.

Messages are filed by the window of `WINDOW_MS` their `ts` falls in. A window is complete when time has passed it and
everything published in it was acknowledged; it can then be counted against the database and deleted, so that an endless
run keeps a bounded ledger. Good messages are fixed records of 16 bytes; bad ones stand with their beginnings in JSON.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.feed import Message

WINDOW_MS = 60_000
"""Length of a window (our choice)."""
HEAD_BYTES = 96
"""How much of a bad message is kept to know it again; every one carries its own `seq` near its beginning."""
BUFFERED = 1000

RECORD = np.dtype([("ts_ms", "<i8"), ("device", "<u4"), ("seq", "<u4")])
Sent = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadSent:
    """One acknowledged bad message. The platform may keep its measurable part: the identity says which row that is."""

    device: int
    ts_ms: int
    seq: int
    defect: str
    topic: str
    head_hex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The acknowledged messages whose `ts` lies in [`from_ms`, `to_ms`)."""

    from_ms: int
    to_ms: int
    good_file: Path
    facts_file: Path
    bad_file: Path
    unacknowledged: int = 0
    """Messages the broker never acknowledged; only in the last windows of a run that was cut short."""

    def good(self) -> Sent:
        """Give the good readings, as an array of `RECORD`."""
        return _records(self.good_file)

    def facts(self) -> Sent:
        """Give the facts, as an array of `RECORD`."""
        return _records(self.facts_file)

    def bad(self) -> list[BadSent]:
        """Give the bad messages."""
        if not self.bad_file.exists():
            return []
        rows = [json.loads(line) for line in self.bad_file.read_text(encoding="utf-8").splitlines()]
        return [BadSent(**row) for row in rows]

    def delete(self) -> None:
        """Remove the files, once they were counted."""
        self.good_file.unlink(missing_ok=True)
        self.facts_file.unlink(missing_ok=True)
        self.bad_file.unlink(missing_ok=True)


@dataclass(slots=True)
class _Open:
    accepted: int = 0
    settled: int = 0
    good: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    facts: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    bad: list[str] = field(default_factory=list[str])


class Ledger:
    """Writes the ledger of one run into a folder; what an earlier run left there is removed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for old in [
            *folder.glob("sent-*.bin"),
            *folder.glob("facts-*.bin"),
            *folder.glob("bad-*.ndjson"),
            *folder.glob("faults.jsonl"),
        ]:
            old.unlink()
        self.good_count = 0
        self.bad_count = 0
        self._folder = folder
        self._open: dict[int, _Open] = {}
        self._newest = -1

    def accept(self, messages: Iterable[Message]) -> None:
        """Note messages that are about to be published: their windows stay open until their fate is known."""
        for message in messages:
            number = message.ts_ms // WINDOW_MS
            self._newest = max(self._newest, number)
            self._open.setdefault(number, _Open()).accepted += 1

    def sent(self, message: Message) -> None:
        """Write down an acknowledged message."""
        number = message.ts_ms // WINDOW_MS
        window = self._open[number]
        window.settled += 1
        if message.defect:
            self.bad_count += 1
            window.bad.append(_bad_line(message))
        else:
            self.good_count += 1
            into = window.facts if message.fact else window.good
            into.append((message.ts_ms, message.device, message.seq))
        if len(window.good) >= BUFFERED:
            self._flush(number)

    def refused(self, message: Message) -> None:
        """Note that the broker will never take a message: it was not sent."""
        self._open[message.ts_ms // WINDOW_MS].settled += 1

    def fault(self, label: Mapping[str, Any]) -> None:
        """Write down the ground truth of a fault that has begun."""
        with (self._folder / "faults.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(label, ensure_ascii=False) + "\n")

    def take_complete(self) -> list[Window]:
        """Give the windows that will not change any more, and forget them."""
        done = [n for n, window in self._open.items() if n < self._newest and window.settled >= window.accepted]
        return [self._close(number) for number in sorted(done)]

    def close(self) -> list[Window]:
        """Give all windows that were not taken, complete or not."""
        return [self._close(number) for number in sorted(self._open)]

    def _close(self, number: int) -> Window:
        self._flush(number)
        window = self._open.pop(number)
        return Window(
            from_ms=number * WINDOW_MS,
            to_ms=(number + 1) * WINDOW_MS,
            good_file=self._good_file(number),
            facts_file=self._facts_file(number),
            bad_file=self._bad_file(number),
            unacknowledged=window.accepted - window.settled,
        )

    def _flush(self, number: int) -> None:
        window = self._open[number]
        for rows, path in ((window.good, self._good_file(number)), (window.facts, self._facts_file(number))):
            if rows:
                with path.open("ab") as file:
                    file.write(np.array(rows, dtype=RECORD).tobytes())
        if window.bad:
            with self._bad_file(number).open("a", encoding="utf-8") as file:
                file.writelines(window.bad)
        window.good.clear()
        window.facts.clear()
        window.bad.clear()

    def _good_file(self, number: int) -> Path:
        return self._folder / f"sent-{number}.bin"

    def _facts_file(self, number: int) -> Path:
        return self._folder / f"facts-{number}.bin"

    def _bad_file(self, number: int) -> Path:
        return self._folder / f"bad-{number}.ndjson"


def _records(file: Path) -> Sent:
    return np.fromfile(file, dtype=RECORD) if file.exists() else np.empty(0, RECORD)


def _bad_line(message: Message) -> str:
    row = {
        "device": message.device,
        "ts_ms": message.ts_ms,
        "seq": message.seq,
        "defect": message.defect,
        "topic": message.topic,
        "head_hex": message.payload[:HEAD_BYTES].hex(),
    }
    return json.dumps(row) + "\n"
