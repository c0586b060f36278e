"""How often one address may ask."""

import pytest

from api import rate
from api.rate import Rate
from core.errors import TooOften


def test_each_address_has_its_own_count_and_a_window_ends():
    now_s = 100.0
    limit = Rate(2, 60, lambda: now_s)
    for address in ("a", "b", "a", "b"):
        limit.take(address)

    with pytest.raises(TooOften) as refused:
        limit.take("a")
    assert refused.value.wait.total_seconds() == 60
    now_s = 160.0
    limit.take("a")


def test_addresses_that_come_by_the_thousand_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rate, "MOST_ADDRESSES", 100)
    limit = Rate(5, 60, lambda: 0.0)
    for number in range(1_000):
        limit.take(str(number))

    assert limit.size <= 100
