"""However a stream is cut into batches, and whatever is delivered again, the same readings get the same doubts."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest import quality
from ingest.quality import Memory
from ingest.validate import ascending
from tests.builders import frame
from tests.unit.ingest.test_quality import CHANNELS, CHECKS

NAMES = [c.name for c in CHANNELS]
measured = st.dictionaries(
    st.sampled_from(["level", "count"]), st.integers(-5, 5).map(lambda n: n * 3.0), min_size=1, max_size=2
)
rows = st.tuples(st.integers(0, 2), st.integers(0, 20), measured)
streams = st.lists(st.lists(rows, min_size=1, max_size=3), max_size=12)
Stored = dict[tuple[int, int, int], int]


def carry(batch: Sequence[tuple[int, Any]], memory: Memory, stored: Stored) -> None:
    """Do what the journey does with a batch of (number, rows) messages: mark, store what is new, remember."""
    flat = [(number, row) for number, message in batch for row in message]
    made = frame("made_up", [row for _, row in flat], channels=NAMES)
    made.message[:] = [place for place, (_, message) in enumerate(batch) for _ in message]
    made.seq[:] = [hash(tuple(sorted(row[2].items()))) & 0x7FFF_FFFF for _, row in flat]
    ready, _ = ascending(made)
    memory.make_room(3)
    changes = quality.mark(ready, CHECKS, memory)
    identities = list(zip(ready.slot.tolist(), ready.ts_us.tolist(), ready.seq.tolist(), strict=True))
    new = np.array([identity not in stored for identity in identities], dtype=np.bool_)
    for identity, flag, is_new in zip(identities, ready.quality.tolist(), new.tolist(), strict=True):
        if is_new:
            stored[identity] = flag
    quality.commit(memory, [ready.take(new)], changes)


def carried(stream: Sequence[Any], cuts: Sequence[int], again: Sequence[int] = ()) -> Stored:
    """Carry a stream in batches that end at `cuts`; batches that start at one of `again` come twice."""
    memory, stored = Memory(), Stored()
    numbered = list(enumerate(stream))
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(stream)}), len(stream)]
    for start, end in pairwise(edges):
        carry(numbered[start:end], memory, stored)
        if start in again:
            carry(numbered[start:end], memory, stored)
    return stored


@given(streams, st.lists(st.integers(0, 12), max_size=6))
def test_how_a_stream_is_cut_changes_no_flag(stream: list[Any], cuts: list[int]) -> None:
    assert carried(stream, cuts) == carried(stream, [])


@given(streams, st.lists(st.integers(0, 12), max_size=6), st.lists(st.integers(0, 12), max_size=4))
def test_what_is_delivered_again_changes_no_flag(stream: list[Any], cuts: list[int], again: list[int]) -> None:
    assert carried(stream, cuts, again) == carried(stream, cuts)
