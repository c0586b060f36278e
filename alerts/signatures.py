"""The functions a condition may call: what each takes and gives. Pure.

Those that Prometheus has, have its meaning (version 2.42); ours follow after them.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["numbers", "instant", "range", "quantile", "forecast", "change", "neighbours", "area"]


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function is called."""

    kind: Kind
    example: str
    """A call that is right."""
    fewest: int = 0
    most: int = 0
    """How many numbers it takes, with kind `numbers`."""
    is_truth: bool = False
    """It gives a truth, not a number."""
    own_unit: bool = False
    """What it gives is in the unit, and the range, of the channel it reads."""
    ours: bool = False
    """Prometheus has none of this name."""


_ONE = ("ceil", "floor", "sgn", "sqrt", "exp", "ln", "log2", "log10")
_CLOCK = (
    *("hour", "minute", "day_of_week", "day_of_month", "day_of_year", "days_in_month"),
    *("month", "year", "time"),
)
_VALUES = ("avg", "min", "max", "last")
_RANGES = (
    *("sum_over_time", "count_over_time", "stddev_over_time", "stdvar_over_time"),
    *("changes", "resets", "delta", "deriv", "increase", "rate"),
)

SIGNATURES: dict[str, Signature] = {
    "abs": Signature("numbers", "abs(x)", 1, 1, own_unit=True),
    **{name: Signature("numbers", f"{name}(x)", 1, 1) for name in _ONE},
    "round": Signature("numbers", "round(x, 0.5)", 1, 2),
    "clamp": Signature("numbers", "clamp(x, 0, 10)", 3, 3),
    "clamp_min": Signature("numbers", "clamp_min(x, 0)", 2, 2),
    "clamp_max": Signature("numbers", "clamp_max(x, 10)", 2, 2),
    **{name: Signature("instant", f"{name}()") for name in _CLOCK},
    **{f"{name}_over_time": Signature("range", f"{name}_over_time(x[10m])", own_unit=True) for name in _VALUES},
    **{name: Signature("range", f"{name}(x[10m])") for name in _RANGES},
    "quantile_over_time": Signature("quantile", "quantile_over_time(0.9, x[10m])", own_unit=True),
    "predict_linear": Signature("forecast", "predict_linear(x[1h], 3600)"),
    "change": Signature("change", "change(x)", ours=True),
    "change_per_second": Signature("change", "change_per_second(x)", ours=True),
    "stuck": Signature("range", "stuck(x[2h])", is_truth=True, ours=True),
    **{
        f"neighbours_{name}": Signature("neighbours", f"neighbours_{name}(x, 500m)", own_unit=True, ours=True)
        for name in ("avg", "min", "max", "median")
    },
    "neighbours_count": Signature("neighbours", "neighbours_count(x, 500m)", ours=True),
    "sun_elevation_deg": Signature("instant", "sun_elevation_deg()", ours=True),
    "daylight": Signature("instant", "daylight()", is_truth=True, ours=True),
    "local_hour": Signature("instant", "local_hour()", ours=True),
    "local_day_of_week": Signature("instant", "local_day_of_week()", ours=True),
    "off_route_m": Signature("instant", "off_route_m()", ours=True),
    **{
        name: Signature("area", f'{name}("lake")', is_truth=True, ours=True)
        for name in ("inside", "outside", "entered", "left")
    },
}

ELSEWHERE = {
    "absent": "a silence is watched with `absent_for:` instead of `expr:`",
    "absent_over_time": "a silence is watched with `absent_for:` instead of `expr:`",
    "vector": "write the number alone",
    "scalar": "write the channel alone",
    "timestamp": "time() is the reading's time",
    "irate": "write change_per_second(x)",
    "idelta": "write change(x)",
    **dict.fromkeys(
        ("sum", "avg", "min", "max", "count", "stddev", "quantile", "topk", "bottomk", "group"),
        "over time write e.g. avg_over_time(x[10m]), over devices neighbours_avg(x, 500m) or a rule with `together:`",
    ),
    "offset": "a condition looks at the reading's own time; remove it",
    "bool": "a comparison is a truth here; remove it",
    **dict.fromkeys(("on", "ignoring", "group_left", "group_right"), "all channels are of one device; remove it"),
    **dict.fromkeys(("by", "without"), "what is counted together stands under `together:`"),
}
"""What an author who knows Prometheus may look for, and where it is."""
