"""Units of measurement as senders write them, and how to turn one into another. Pure; a table.

Canonical units are those of the device profiles. A unit stands here under its kind of quantity, with the scale (and the
offset, where zero lies elsewhere) that lead to the kind's first unit; only units of one kind can become each other.

Sources: SenML's units (IANA registry of RFC 8428, 12.1, with the additions of RFC 8798, 2) and secondary units
(RFC 8798, 3, and the registry's later ones); UCUM 2.1, case-sensitive codes and metric prefixes; what makers write
besides (`_SPELLINGS`: our choice). Where the first two disagree, SenML's meaning counts here (`C` coulomb, `B` byte),
with one exception, `%`: in SenML it is the plain ratio, 0 to 1, a trap that `wire.senml` disarms; here it is 1/100.
"""

import math
from functools import lru_cache
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit: value x scale + offset gives the value in the first unit of its kind."""

    kind: str
    scale: float
    offset: float = 0.0


_FIRST = {
    "m": "length",
    "m2": "area",
    "m3": "volume",
    "kg": "mass",
    "s": "time",
    "A": "electric current",
    "K": "temperature",
    "cd": "luminous intensity",
    "mol": "amount of substance",
    "Hz": "frequency",
    "rad": "plane angle",
    "sr": "solid angle",
    "N": "force",
    "Pa": "pressure",
    "J": "energy",
    "W": "power",
    "C": "electric charge",
    "V": "voltage",
    "F": "capacitance",
    "Ohm": "resistance",
    "S": "conductance",
    "S/m": "conductivity",
    "Wb": "magnetic flux",
    "T": "magnetic flux density",
    "H": "inductance",
    "lm": "luminous flux",
    "lx": "illuminance",
    "cd/m2": "luminance",
    "Bq": "radioactivity",
    "Gy": "absorbed dose",
    "Sv": "equivalent dose",
    "kat": "catalytic activity",
    "m/s": "speed",
    "m/s2": "acceleration",
    "m3/s": "volume flow",
    "W/m2": "irradiance",
    "kg/m3": "mass concentration",
    "bit": "information",
    "bit/s": "data rate",
    "VA": "apparent power",
    "VAs": "apparent energy",
    "var": "reactive power",
    "vars": "reactive energy",
    "J/m": "energy per distance",
    "pH": "acidity",
    "dB": "level",
    "dBW": "power level",
    "dB[SPL]": "sound pressure level",
    "dB(A)": "A-weighted sound pressure level",
    "1": "number",
    "%LEL": "share of the lower explosive limit",
    "EL": "battery time left",
}
"""First unit of each kind."""

_SCALED: dict[str, tuple[str, float]] = {
    # RFC 8428, 12.1 and RFC 8798, 2: registered beside a unit of the same kind
    "g": ("kg", 1e-3),
    "l": ("m3", 1e-3),
    "l/s": ("m3/s", 1e-3),
    "lat": ("rad", math.pi / 180),
    "lon": ("rad", math.pi / 180),
    "deg": ("rad", math.pi / 180),
    "Bspl": ("dB[SPL]", 10.0),
    "count": ("1", 1.0),
    "beats": ("1", 1.0),
    "/": ("1", 1.0),
    "%RH": ("1", 0.01),
    "%EL": ("1", 0.01),
    "1/s": ("Hz", 1.0),
    "1/min": ("Hz", 1 / 60),
    "beat/min": ("Hz", 1 / 60),
    "B": ("bit", 8.0),
    # RFC 8798, 3: secondary units
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "Ah": ("C", 3600.0),
    "Wh": ("J", 3600.0),
    "varh": ("vars", 3600.0),
    "VAh": ("VAs", 3600.0),
    "Wh/km": ("J/m", 3.6),
    "KiB": ("bit", 8 * 1024.0),
    "B/s": ("bit/s", 8.0),
    "ug/m3": ("kg/m3", 1e-9),
    "mg/l": ("kg/m3", 1e-3),
    "ug/l": ("kg/m3", 1e-6),
    "g/l": ("kg/m3", 1.0),
    "mm/h": ("m/s", 1e-3 / 3600),
    "m/h": ("m/s", 1 / 3600),
    "km/h": ("m/s", 1 / 3.6),
    "/100": ("1", 0.01),
    "/1000": ("1", 1e-3),
    "ppm": ("1", 1e-6),
    "ppb": ("1", 1e-9),
    "ppt": ("1", 1e-12),
    # UCUM
    "%": ("1", 0.01),
    "[ppth]": ("1", 1e-3),
    "[ppm]": ("1", 1e-6),
    "[ppb]": ("1", 1e-9),
    "10*-3": ("1", 1e-3),
    "10*-6": ("1", 1e-6),
    "10*-9": ("1", 1e-9),
    "d": ("s", 86_400.0),
    "bar": ("Pa", 1e5),
    "mm[Hg]": ("Pa", 133.322),
    "m[H2O]": ("Pa", 9806.65),
    "[psi]": ("Pa", 6894.757293168),
    "[in_i]": ("m", 0.0254),
    "[ft_i]": ("m", 0.3048),
    "[mi_i]": ("m", 1609.344),
    "[mi_i]/h": ("m/s", 0.44704),
    "[kn_i]": ("m/s", 1852 / 3600),
    "[g]": ("m/s2", 9.80665),
    "By": ("bit", 8.0),
    "By/s": ("bit/s", 8.0),
    "W.h": ("J", 3600.0),
    "W.s": ("J", 1.0),
    "A.h": ("C", 3600.0),
    "A.s": ("C", 1.0),
    "V.A": ("VA", 1.0),
    "V.A.h": ("VAs", 3600.0),
    "g/m3": ("kg/m3", 1e-3),
    "mg/m3": ("kg/m3", 1e-6),
    "ng/m3": ("kg/m3", 1e-12),
    "m3/h": ("m3/s", 1 / 3600),
    "L": ("m3", 1e-3),
    "l/min": ("m3/s", 1e-3 / 60),
    "L/min": ("m3/s", 1e-3 / 60),
    "l/h": ("m3/s", 1e-3 / 3600),
    "uS/cm": ("S/m", 1e-4),
    "mS/cm": ("S/m", 0.1),
    "cm2": ("m2", 1e-4),
    "mm2": ("m2", 1e-6),
    "km2": ("m2", 1e6),
}
"""Unit -> (first unit of its kind, scale)."""

_SHIFTED: dict[str, tuple[str, float, float]] = {
    "Cel": ("K", 1.0, 273.15),
    "[degF]": ("K", 5 / 9, 459.67 * 5 / 9),
    "dBm": ("dBW", 1.0, -30.0),  # RFC 8798, 3
}
"""Unit -> (first unit of its kind, scale, offset)."""

_PREFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "c": 1e-2, "d": 1e-1, "h": 1e2, "k": 1e3, "M": 1e6, "G": 1e9}
# fmt: off
_PREFIXED = (
    "m", "g", "s", "A", "K", "cd", "mol", "Hz", "rad", "N", "Pa", "J", "W", "C", "V", "F", "Ohm", "S", "Wb", "T",
    "H", "lm", "lx", "Bq", "Gy", "Sv", "m/s", "bit", "bit/s", "B", "B/s", "By", "VA", "var", "VAs", "Ah", "Wh",
    "varh", "VAh", "A.h", "W.h", "V.A", "l", "L", "bar",
)
# fmt: on
"""Units that take the metric prefixes (UCUM, 2.3); a name already in the tables keeps its meaning."""

_SPELLINGS = {
    "degC": "Cel",
    "°C": "Cel",
    "℃": "Cel",
    "degF": "[degF]",
    "°F": "[degF]",
    "°": "deg",
    "lux": "lx",
    "Ω": "Ohm",
    "µg/m3": "ug/m3",
    "μg/m3": "ug/m3",
    "µg/m³": "ug/m3",
    "μg/m³": "ug/m3",
    "ug/m³": "ug/m3",
    "mg/m³": "mg/m3",
    "m³": "m3",
    "m³/h": "m3/h",
    "m²": "m2",
    "m/s²": "m/s2",
    "kmh": "km/h",
    "km/hr": "km/h",
    "mph": "[mi_i]/h",
    "psi": "[psi]",
    "mmHg": "mm[Hg]",
    "dB(SPL)": "dB[SPL]",
    "dBA": "dB(A)",
    "%{LEL}": "%LEL",
    "kbps": "kbit/s",
    "Mbps": "Mbit/s",
    "bps": "bit/s",
    "sec": "s",
    "percent": "%",
    "pct": "%",
}
"""Other spellings, of makers and of our profiles -> the unit meant. Our choice; none that could mean two things."""


def _table() -> dict[str, Unit]:
    """Give every known unit by its name."""
    table = {name: Unit(kind, 1.0) for name, kind in _FIRST.items()}
    table |= {name: Unit(table[first].kind, scale) for name, (first, scale) in _SCALED.items()}
    table |= {name: Unit(table[first].kind, scale, offset) for name, (first, scale, offset) in _SHIFTED.items()}
    for atom in _PREFIXED:
        kind, scale, _ = table[atom]
        for prefix, factor in _PREFIXES.items():
            table.setdefault(prefix + atom, Unit(kind, scale * factor))
    return table | {spelling: table[meant] for spelling, meant in _SPELLINGS.items()}


UNITS = _table()
"""Name -> unit."""


@lru_cache(maxsize=4096)
def conversion(unit: str, to: str) -> tuple[float, float] | None:
    """Give (scale, offset) that turn `unit` into `to`, or None when they measure different things.

    The empty unit is `to` itself: the sender gave none. A unit nobody knows can only become itself.
    """
    if unit in {to, ""}:
        return 1.0, 0.0
    known, wanted = UNITS.get(unit), UNITS.get(to)
    if known is None or wanted is None or known.kind != wanted.kind:
        return None
    return known.scale / wanted.scale, (known.offset - wanted.offset) / wanted.scale
