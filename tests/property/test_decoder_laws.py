"""Laws of every decoder: whatever the bytes, it understands or refuses them, and keeps to the shape of what it gives.

A short run of what `make check-long` does for a minute.
"""

import pytest

from tests.fuzz import by_hypothesis
from tests.fuzz.targets import TARGETS, feed


@pytest.mark.parametrize("name", TARGETS)
def test_every_golden_case_is_understood_or_refused(name: str) -> None:
    for seed in TARGETS[name].seeds:
        feed(name, seed)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_the_bytes_a_decoder_understands_or_refuses(name: str) -> None:
    by_hypothesis.law(name, 60)()
