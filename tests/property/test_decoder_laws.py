"""Laws of every decoder: whatever the bytes, it understands or refuses them, and keeps to the shape of what it gives.

A short run of what `make check-long` does for a minute.
"""

import pytest

from tests.fuzz import by_hypothesis
from tests.fuzz.targets import TARGETS, Target, feed


@pytest.mark.parametrize("name", TARGETS)
def test_every_golden_case_is_understood_or_refused(name: str) -> None:
    for seed in TARGETS[name].seeds:
        feed(name, seed)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_the_bytes_a_decoder_understands_or_refuses(name: str) -> None:
    by_hypothesis.law(name, 60)()


@pytest.mark.parametrize("name", ["senml", "sparkplug"])
def test_a_decoder_that_raises_anything_else_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = TARGETS[name]

    def broken(data: bytes) -> None:
        if len(data) > 30 and data not in sound.seeds:
            raise IndexError("planted")
        sound.run(data)

    monkeypatch.setitem(TARGETS, name, Target(broken, sound.seeds))  # type: ignore[arg-type]  # a dict behind a Mapping

    with pytest.raises(IndexError, match="planted"):
        by_hypothesis.law(name)()
