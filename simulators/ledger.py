"""The ledger: every acknowledged message of a run on disk, so that a checker can count what was lost. Files only.

Good messages stand in numbered segments of fixed 16-byte records, refused-by-design ones with their beginnings in a
line of JSON each. Segments are closed every `SEGMENT_S` and can be checked and deleted one by one, so that an endless
run keeps a bounded ledger.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simulators.feed import Message

SEGMENT_S = 60.0
"""Length of a segment by the messages' own time (our choice)."""
HEAD_BYTES = 96
"""How much of a bad message is kept to know it again; every one carries its own `seq` near its beginning."""

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
    head: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A closed part of the ledger."""

    good_file: Path
    bad_file: Path

    def good(self) -> Sent:
        """Give the good messages, as an array of `RECORD`."""
        return np.fromfile(self.good_file, dtype=RECORD)

    def bad(self) -> list[BadSent]:
        """Give the bad messages."""
        rows: list[BadSent] = []
        for line in self.bad_file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rows.append(BadSent(**{**row, "head": bytes.fromhex(row["head"])}))
        return rows

    def delete(self) -> None:
        """Remove the files, once they were counted."""
        self.good_file.unlink()
        self.bad_file.unlink()


class Ledger:
    """Writes the ledger of one run into a folder of its own; anything older there is removed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for old in [*folder.glob("sent-*.bin"), *folder.glob("bad-*.ndjson"), *folder.glob("faults.jsonl")]:
            old.unlink()
        self._folder = folder
        self._closed: list[Segment] = []
        self._number = 0
        self._segment_from_ms: int | None = None
        self._good: IO[bytes] | None = None
        self._bad: IO[str] | None = None
        self._buffer: list[tuple[int, int, int]] = []
        self.good_count = 0
        self.bad_count = 0

    def sent(self, message: Message) -> None:
        """Write down an acknowledged message."""
        if self._segment_from_ms is None or message.ts_ms - self._segment_from_ms > SEGMENT_S * 1000:
            self._next_segment(message.ts_ms)
        if message.defect:
            assert self._bad is not None
            head = message.payload[:HEAD_BYTES].hex()
            row = {
                "device": message.device,
                "ts_ms": message.ts_ms,
                "seq": message.seq,
                "defect": message.defect,
                "topic": message.topic,
                "head": head,
            }
            self._bad.write(json.dumps(row) + "\n")
            self.bad_count += 1
            return
        self._buffer.append((message.ts_ms, message.device, message.seq))
        self.good_count += 1
        if len(self._buffer) >= 1000:
            self._flush()

    def fault(self, label: Mapping[str, Any]) -> None:
        """Write down the ground truth of a fault that has begun."""
        with (self._folder / "faults.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(label, ensure_ascii=False) + "\n")

    def take_closed(self) -> list[Segment]:
        """Give the segments closed since the last call."""
        closed, self._closed = self._closed, []
        return closed

    def close(self) -> list[Segment]:
        """Close the open segment and give all that were not taken yet."""
        self._close_segment()
        self._segment_from_ms = None
        return self.take_closed()

    def _next_segment(self, ts_ms: int) -> None:
        self._close_segment()
        self._segment_from_ms = ts_ms
        self._number += 1
        self._good = self._path("sent", "bin").open("wb")
        self._bad = self._path("bad", "ndjson").open("w", encoding="utf-8")

    def _close_segment(self) -> None:
        if self._good is None or self._bad is None:
            return
        self._flush()
        self._good.close()
        self._bad.close()
        self._good = self._bad = None
        self._closed.append(Segment(good_file=self._path("sent", "bin"), bad_file=self._path("bad", "ndjson")))

    def _path(self, stem: str, ending: str) -> Path:
        return self._folder / f"{stem}-{self._number:06d}.{ending}"

    def _flush(self) -> None:
        assert self._good is not None
        np.array(self._buffer, dtype=RECORD).tofile(self._good)
        self._buffer.clear()
