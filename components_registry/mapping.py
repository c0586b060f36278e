"""The column mapping of a survey: which of its columns are ours, what all rows share, what its words mean. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import yaml

from components_registry.columns import COLUMNS
from components_registry.model import STATE_NAMES
from core.errors import InvalidInput

_PARTS = ("columns", "constants", "values")
_OF_EACH_ROW = ("code", "x", "y", "wkt")
"""Columns that no two rows share, so they cannot be constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """How to read a survey whose columns are not ours; columns that are not named keep their known headings."""

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """Our column -> the file's heading."""
    constants: Mapping[str, str] = field(default_factory=dict[str, str])
    """Our column -> what every row has there."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Our column -> the file's word -> ours; words that are not named stay."""


AS_IT_IS = ColumnMapping()


def parse(text: str, name: str, known: Collection[str] = tuple(COLUMNS)) -> ColumnMapping:
    """Give the mapping in YAML `text`; `known` are the columns it may speak of.

    Raises: `InvalidInput` naming the file, the place and what would be right.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"{name} is no YAML: {error}") from error
    parts = _words_to(document or {}, name)
    for part in parts:
        if part not in _PARTS:
            raise InvalidInput(f"{name}: {part!r} is none of {', '.join(_PARTS)}{_meant(part, _PARTS)}")
    columns = _texts(parts.get("columns"), f"{name}: columns")
    constants = _texts(parts.get("constants"), f"{name}: constants")
    given = _words_to(parts.get("values") or {}, f"{name}: values")
    values = {ours: _texts(words, f"{name}: values: {ours}") for ours, words in given.items()}
    for part, named in (("columns", columns), ("constants", constants), ("values", values)):
        for ours in named:
            if ours not in known:
                raise InvalidInput(
                    f"{name}: {part}: {ours!r} is no column of ours{_meant(ours, known)}; they are {', '.join(known)}"
                )
    for ours in constants:
        if ours in columns:
            raise InvalidInput(f"{name}: {ours!r} stands in columns and in constants: one of them must go")
        if ours in _OF_EACH_ROW:
            raise InvalidInput(f"{name}: constants: every row has its own {ours!r}")
    _check_states(values.get("state", {}), constants.get("state"), name)
    return ColumnMapping(columns=columns, constants=constants, values=values)


def _words_to(given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidInput(f"{where}: expected `name: value` lines, found {given!r}")
    return {str(key): value for key, value in given.items()}


def _texts(given: Any, where: str) -> dict[str, str]:
    words = _words_to(given or {}, where)
    for key, value in words.items():
        if value is None or isinstance(value, dict | list):
            raise InvalidInput(f"{where}: {key}: expected a text, found {value!r}")
    return {key: str(value) for key, value in words.items()}


def _check_states(words: Mapping[str, str], constant: str | None, name: str) -> None:
    for state in (*words.values(), *(() if constant is None else (constant,))):
        if state.casefold() not in STATE_NAMES:
            known = ", ".join(entry for entry in STATE_NAMES if entry)
            raise InvalidInput(f"{name}: {state!r} is no state; states are {known}")


def _meant(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f" (is {close[0]!r} meant?)" if close else ""
