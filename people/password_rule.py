"""Which passwords are refused: short ones, common ones, ones made of the account's name. No rules of composition.

After NIST SP 800-63B: length counts, a list of what everybody tries is kept out, nothing else is asked for.
"""

import itertools
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from core.errors import InvalidInput

SHORTEST = 12
"""Characters; NIST asks for 8 at least (our choice)."""
LONGEST = 256
PRODUCT = "citygrid"
FEWEST_DIFFERENT = 5
_COMMON = frozenset(
    (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split(),
)


def normalized(password: str) -> str:
    """Give the form that is hashed: the same characters typed on another keyboard are the same password."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, names: Sequence[str]) -> str:
    """Give the normalized password; raises `InvalidInput` when it is too easy. `names` are the person's own."""
    given = normalized(password)
    plain = given.lower()
    if len(given) < SHORTEST:
        raise InvalidInput(f"the password is too short: {SHORTEST} characters or more, any you like")
    if len(given) > LONGEST:
        raise InvalidInput(f"the password is too long: {LONGEST} characters or less")
    rest = plain
    for name in (PRODUCT, *(name.lower() for name in names if len(name) >= 3)):
        rest = rest.replace(name, "")
    if plain in _COMMON or len(set(plain)) < FEWEST_DIFFERENT or len(rest) < SHORTEST // 2 or _is_run(plain):
        raise InvalidInput("the password is one of those that are tried first: choose another, for example four words")
    return given


def _is_run(text: str) -> bool:
    """Whether every character is the one after, or before, the one it follows: abcdef…, 987654…."""
    around = 10 if text.isdecimal() else 0x110000  # 789012 runs on
    steps = {(ord(after) - ord(before)) % around for before, after in itertools.pairwise(text)}
    return steps in ({1}, {around - 1})
