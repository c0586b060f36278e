"""Units of measurement as senders write them, and how to turn one into another. Pure; a table.

Canonical units are UCUM, as in the device profiles. SenML's own symbols (RFC 8428, 12.1; RFC 8798) are named beside.
"""

_SAME: dict[str, str] = {"Cel": "degC", "%RH": "%", "/": "1", "": "1"}
"""Other spellings of a canonical unit."""

_SCALES: dict[tuple[str, str], tuple[float, float]] = {
    ("K", "degC"): (1.0, -273.15),
    ("cm", "m"): (0.01, 0.0),
    ("mm", "m"): (0.001, 0.0),
    ("rad", "deg"): (57.29577951308232, 0.0),
    ("/", "%"): (100.0, 0.0),
    ("1", "%"): (100.0, 0.0),
}
"""(from, to) -> (scale, offset): value x scale + offset."""


def conversion(unit: str, to: str) -> tuple[float, float] | None:
    """Give (scale, offset) that turn `unit` into `to`, or None when they measure different things."""
    if unit in {to, ""} or _SAME.get(unit) == to:
        return 1.0, 0.0
    return _SCALES.get((unit, to)) or _SCALES.get((_SAME.get(unit, unit), to))
