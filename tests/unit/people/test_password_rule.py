"""Which passwords are refused."""

import pytest

from core.errors import InvalidInput
from people.password_rule import _COMMON, LONGEST, SHORTEST, check


@pytest.mark.parametrize(
    "password",
    [
        "four plain words here",
        "twelve chars",
        "correct battery horse",
        "城市网格化管理平台值班长密码",
        "x" * 3 + "yzABC 1234567",
    ],
)
def test_length_is_enough(password: str) -> None:
    assert check(password, ("lin", "林晓")) == password


@pytest.mark.parametrize(
    "password",
    ["", "short", "elevenchars", "a" * 20, "abababababab", "abcdefghijklmn", "987654321098", "QWERTYUIOP123",
     "citygrid1234", "linxiaoming1", "x" * (LONGEST + 1), "password1234"],
)  # fmt: skip
def test_what_is_tried_first_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput):
        check(password, ("linxiaoming", "林晓明"))


def test_the_same_characters_from_another_keyboard_are_the_same_password() -> None:
    full_width = "".join(chr(ord(letter) + 0xFEE0) for letter in "four-plain-words")

    assert check(full_width, ()) == "four-plain-words"


def test_the_list_holds_only_what_length_would_let_through() -> None:
    assert all(len(password) >= SHORTEST for password in _COMMON)
    assert {password.lower() for password in _COMMON} == _COMMON
