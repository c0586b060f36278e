"""Fuzzing by structure: golden payloads with parts replaced, left out, repeated; JSON stays JSON most of the time."""

import json
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import MOST_BYTES, TARGETS, feed

EXAMPLES = 200
DEADLINE_MS = 5_000
"""One input may take so long; our choice, a hundred times the slowest seed."""

texts = st.text(max_size=30) | st.sampled_from(["\x00", "\ud7ff", "9" * 400, "1e999", "NaN", "%", "冀B12345"])
numbers = st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([1e308, -1e308, 2**63, -1, 0])
scalars = st.none() | st.booleans() | numbers | texts
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


@st.composite
def inputs(draw: st.DrawFn, name: str) -> bytes:
    """Draw bytes for a target: a seed, changed as JSON where it is JSON, or as bytes; or anything at all."""
    seeds = TARGETS[name].seeds
    if not seeds or draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=400))
    seed = draw(st.sampled_from(seeds))
    for head in (1, 2):
        try:
            tree = json.loads(seed[head:])
        except (ValueError, RecursionError):  # no JSON, or a seed that is nested without end
            continue
        for _ in range(draw(st.integers(1, 3))):
            tree = draw(changed(tree))
        return seed[:head] + json.dumps(tree, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    return draw(damaged(seed))[:MOST_BYTES]


@st.composite
def changed(draw: st.DrawFn, tree: Any) -> Any:
    """Draw a tree with one part replaced, left out or added."""
    if isinstance(tree, dict) and tree and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(tree)))
        match draw(st.integers(0, 5)):
            case 0:
                return {name: value for name, value in tree.items() if name != key}
            case 1:
                return {**tree, draw(texts): draw(trees)}
            case _:
                return {**tree, key: draw(changed(tree[key]))}
    if isinstance(tree, list) and tree and draw(st.integers(0, 4)):
        position = draw(st.integers(0, len(tree) - 1))
        inner = draw(st.just([]) | st.just([tree[position]] * 2) | changed(tree[position]).map(lambda new: [new]))
        return [*tree[:position], *inner, *tree[position + 1 :]]
    return draw(trees)


@st.composite
def damaged(draw: st.DrawFn, seed: bytes) -> bytes:
    """Draw bytes with pieces overwritten, cut out, repeated or put in."""
    data = seed
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 8))
        piece = draw(st.binary(max_size=8) | st.just(data[at : at + length] * 2) | st.just(b"\xff" * 10))
        data = data[:at] + piece + data[at + length :]
    return data


def law(name: str, examples: int = EXAMPLES) -> Callable[[], None]:
    """Give the property of a target as something to call."""

    @settings(
        max_examples=examples,
        deadline=DEADLINE_MS,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(name))
    def keeps_its_promises(data: bytes) -> None:
        feed(name, data)

    return keeps_its_promises


def run(seconds: float) -> int:
    """Go round the targets until the time is over; give how many inputs were tried. A finding is raised, shrunk."""
    ends, tried = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        for name in TARGETS:
            if time.monotonic() >= ends:
                break
            law(name, 25)()
            tried += 25
    return tried
