"""What every command knows of the installation: its device types."""

from collections.abc import Mapping

from devices.profile import Profile
from runtime import rulebooks, settings


def types() -> Mapping[str, Profile]:
    """Give the shipped device types and the city's own (CITYGRID_PROFILES_DIR)."""
    return rulebooks.profiles(settings.load())
