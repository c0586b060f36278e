"""The editions of the catalogue an installation knows: the shipped ones, and the city's own from its folder."""

from pathlib import Path

from components_registry import own_edition
from components_registry.editions import SHIPPED, Editions
from runtime.settings import Settings


def editions(settings: Settings) -> Editions:
    """Give the editions, and which one is the city's; raises `InvalidInput` for a folder that is not right."""
    return of_folder(settings.catalogue_dir)


def of_folder(folder: Path | None) -> Editions:
    """Give the editions with the one in `folder`, or the shipped ones."""
    return SHIPPED if folder is None else own_edition.add(SHIPPED, folder)
