"""Grants as people write them, and which covers which."""

import pytest

from core.errors import InvalidInput
from people.grant import Grant, Role, of_rows, parsed, row, within


@pytest.mark.parametrize("text", ["viewer", "dispatcher@130203", "inspector@grid:P1", "rule_author"])
def test_a_grant_is_read_as_it_is_written(text: str) -> None:
    assert str(parsed(text)) == text
    assert of_rows([row(parsed(text))]) == (parsed(text),)


@pytest.mark.parametrize("text", ["king", "", "viewer@", "viewer@grid:", "@130203"])
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parsed(text)


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("dispatcher", "dispatcher"),
        ("dispatcher", "dispatcher@130203"),
        ("dispatcher", "dispatcher@grid:P1"),
        ("dispatcher@130200", "dispatcher@130203"),
        ("dispatcher@130203", "dispatcher@130203001"),
        ("dispatcher@130203", "viewer@130203"),
        ("admin", "rule_author"),
        ("inspector@grid:P1", "inspector@grid:P1"),
    ],
)
def test_what_somebody_holds_covers_the_same_and_less(held: str, wanted: str) -> None:
    assert parsed(held).covers(parsed(wanted))


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("viewer", "dispatcher"),
        ("dispatcher", "admin"),
        ("dispatcher@130203", "dispatcher"),
        ("dispatcher@130203", "dispatcher@130202"),
        ("dispatcher@130203001", "dispatcher@130203"),
        ("dispatcher@130203", "dispatcher@grid:P1"),
        ("inspector@grid:P1", "inspector@grid:P11"),
        ("inspector@grid:P1", "inspector"),
        ("admin@130203", "viewer"),
    ],
)
def test_nothing_covers_more(held: str, wanted: str) -> None:
    assert not parsed(held).covers(parsed(wanted))


def test_a_key_keeps_only_what_its_owner_still_holds() -> None:
    wanted = (parsed("viewer@130203"), parsed("admin"))

    assert within(wanted, (Grant(role=Role.DISPATCHER, area_code="130203"),)) == (parsed("viewer@130203"),)
    assert within(wanted, ()) == ()


def test_a_role_that_is_no_longer_known_grants_nothing() -> None:
    assert of_rows([("emperor", None, None)]) == ()
