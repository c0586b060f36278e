"""What an installer noted, against what the device's type asks for: faults, and what goes without saying. Pure."""

from collections.abc import Mapping
from typing import Any

from devices.model import Registration
from devices.profile import Profile


def complete(row: Registration, profiles: Mapping[str, Profile]) -> dict[str, Any]:
    """Give a registration's install data with the type's defaults; other words stay as they are."""
    asked = profiles[row.profile].install if row.profile in profiles else ()
    return {**{it.name: it.default for it in asked if it.default is not None}, **row.install}


def fault(row: Registration, profiles: Mapping[str, Profile]) -> str:
    """Say what is wrong with a registration's install data, or give nothing."""
    for it in profiles[row.profile].install if row.profile in profiles else ():
        value = row.install.get(it.name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{it.name} must be a number in {it.unit}, not {value!r}"
        if not it.min <= value <= it.max:
            return f"{it.name} = {value:g} {it.unit} is outside {it.min:g} to {it.max:g}"
    return ""
