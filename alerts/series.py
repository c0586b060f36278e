"""Series of a rule test in promtool's notation: `1+2x3 0 _x4 stale`. Pure.

`1+2x3` is 1 and three more, each 2 higher; `1x3` is 1 four times; `_` is no sample, `_x3` three times none; `stale`
marks that the series has ended.
Source: Prometheus, "Unit testing for rules", series notation.
"""

import math
import re

from core.errors import InvalidInput

_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_STEP = re.compile(rf"(?P<start>{_NUMBER})(?:(?P<by>[+-]\d+(?:\.\d+)?)?x(?P<times>\d+))?")
_GAP = re.compile(r"_(?:x(?P<times>\d+))?")
_SERIES = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\{(.*)\})?\s*")
_LABEL = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"([^"]*)"\s*')


STALE = math.nan
"""Stands for the mark that a series has ended."""


def samples(text: str) -> list[float | None]:
    """Give the samples of a series, None = none at that time, `STALE` = it ends there; raises `InvalidInput`."""
    result: list[float | None] = []
    for word in text.split():
        if word == "stale":
            result.append(STALE)
        elif gap := _GAP.fullmatch(word):
            result.extend([None] * int(gap["times"] or 1))
        elif step := _STEP.fullmatch(word):
            start, by = float(step["start"]), float(step["by"] or 0)
            result.extend(start + by * number for number in range(int(step["times"] or 0) + 1))
        else:
            raise InvalidInput(f"{word!r} is no sample: write e.g. 1, 1x5, 1+2x5, _, _x5 or stale")
    return result


def name_and_labels(text: str) -> tuple[str, dict[str, str]]:
    """Give the channel and labels of `tilt_deg{device="a"}`; raises `InvalidInput`."""
    match = _SERIES.fullmatch(text)
    if match is None:
        raise InvalidInput(f'{text!r} is no series: write e.g. tilt_deg{{device="cover"}}')
    labels: dict[str, str] = {}
    for part in (match[2] or "").split(",") if (match[2] or "").strip() else ():
        label = _LABEL.fullmatch(part)
        if label is None:
            raise InvalidInput(f'{part.strip()!r} is no label: write e.g. device="cover"')
        labels[label[1]] = label[2]
    return match[1], labels
