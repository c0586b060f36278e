"""Texts of annotations and labels: the part of Prometheus' templates that needs no query. Pure.

Known are `{{ $value }}`, `{{ $labels.x }}` (also `.Value`, `.Labels.x`) and, called or piped to, `printf`, `humanize`,
`humanizePercentage`, `humanizeDuration`. Numbers print as Go prints them. An unknown label is empty.
Source: Prometheus, "Template reference"; Go, packages text/template and fmt.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal

from core.errors import InvalidInput

_ACTION = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_DATUM = re.compile(r"[$.](?:value|Value|labels\.[A-Za-z_]\w*|Labels\.[A-Za-z_]\w*)")
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s|]+|\|')
_VERB = re.compile(r"%(?P<spec>[-+ 0]*\d*(?:\.\d+)?)(?P<verb>[a-zA-Z%])")
_KNOWN = '{{ $value }}, {{ $labels.device }}, {{ $value | printf "%.1f" }} and {{ $value | humanize }}'
_PREFIXES_UP, _PREFIXES_DOWN = "kMGTPEZY", "munpfazy"
_FIXED_BELOW_EXPONENT = 6
"""Go prints a float with `%v` without an exponent below this one."""


def rendered(template: str, labels: Mapping[str, str], value: float) -> str:
    """Give the text with its actions filled in; raises `InvalidInput` at an action that is not known."""
    return _ACTION.sub(lambda match: _acted(match[1].strip(), labels, float(value)), template)


def check(template: str) -> None:
    """Raise `InvalidInput` when an action of the template is not known."""
    rendered(template, {}, 1.0)


def labels_of(template: str) -> frozenset[str]:
    """Give the labels a template asks for."""
    return frozenset(re.findall(r"[$.][lL]abels\.([A-Za-z_]\w*)", " ".join(_ACTION.findall(template))))


def _acted(action: str, labels: Mapping[str, str], value: float) -> str:
    stages: list[list[str]] = [[]]
    for word in _WORD.findall(action):
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    piped: float | str | None = None
    for stage in stages:
        piped = _stage(action, stage, piped, labels, value)
    assert piped is not None
    return _printed(piped)


def _stage(
    action: str, words: list[str], piped: float | str | None, labels: Mapping[str, str], value: float
) -> float | str:
    if not words:
        raise _unknown(action)
    name, *rest = words
    given: list[float | str] = [_datum(action, word, labels, value) for word in rest]
    if piped is not None:
        given.append(piped)
    if name == "printf" and len(given) == 2:
        return _formatted(action, str(given[0]), given[1])
    if name in _HUMAN and len(given) == 1 and isinstance(given[0], float):
        return _HUMAN[name](given[0])
    if given:
        raise _unknown(action)
    return _datum(action, name, labels, value)


def _datum(action: str, word: str, labels: Mapping[str, str], value: float) -> float | str:
    if word.startswith('"'):
        return word[1:-1].replace('\\"', '"')
    if not _DATUM.fullmatch(word):
        raise _unknown(action)
    return value if word[1:].lower() == "value" else labels.get(word.rpartition(".")[2], "")


def _unknown(action: str) -> InvalidInput:
    return InvalidInput(f"{{{{ {action} }}}} is not known: there are {_KNOWN}")


def _formatted(action: str, text: str, given: float | str) -> str:
    verbs = [match["verb"] for match in _VERB.finditer(text) if match["verb"] != "%"]
    wanted = "feEgGv" if isinstance(given, float) else "sv"
    if len(verbs) != 1 or verbs[0] not in wanted:
        raise _unknown(action)

    def fill(match: re.Match[str]) -> str:
        if match["verb"] == "%":
            return "%"
        if isinstance(given, str):
            return f"%{match['spec']}s" % given
        plain = "." not in match["spec"] and match["verb"] in "gGv"
        return f"%{match['spec']}s" % go_float(given) if plain else f"%{match['spec']}{match['verb']}" % given

    return _VERB.sub(fill, text)


def _printed(value: float | str) -> str:
    return value if isinstance(value, str) else go_float(value)


def go_float(value: float) -> str:
    """Give a number as Go's `%v` prints a float64: as few digits as tell it apart from others."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    exact = Decimal(repr(value)).normalize()
    exponent, digits = exact.adjusted(), len(exact.as_tuple().digits)
    if value == 0 or -4 <= exponent < _FIXED_BELOW_EXPONENT:
        return f"{exact:f}"
    return f"{value:.{digits - 1}e}"


def _humanized(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return go_float(value)
    prefix = ""
    if abs(value) >= 1:
        for sign in _PREFIXES_UP:
            if abs(value) < 1000:
                break
            prefix, value = sign, value / 1000
    else:
        for sign in _PREFIXES_DOWN:
            if abs(value) >= 1:
                break
            prefix, value = sign, value * 1000
    return f"{value:.4g}{prefix}"


def _duration(value: float) -> str:
    if not math.isfinite(value):
        return go_float(value)
    sign, left = ("-" if value < 0 else ""), abs(value)
    if left < 1:
        return f"{sign}{_humanized(left)}s" if left else "0s"
    seconds, minutes, hours, days = int(left % 60), int(left // 60 % 60), int(left // 3600 % 24), int(left // 86400)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{left:.4g}s"


def _percentage(value: float) -> str:
    return f"{value * 100:.4g}%"


_HUMAN = {"humanize": _humanized, "humanizePercentage": _percentage, "humanizeDuration": _duration}
