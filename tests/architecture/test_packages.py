"""Top-level packages have plain names: each must be ours, and each must be known to the import contracts."""

import importlib.util
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, PROJECT, ROOT

TOOLING = frozenset({"dashboards", "tests", "docs", "scripts"})
"""Folders with Python in them that are not part of what is installed."""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_resolves_inside_this_repository(package: str) -> None:
    spec = importlib.util.find_spec(package)

    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_every_top_level_package_is_under_the_contracts_and_in_the_wheel() -> None:
    found = {file.parent.name for file in ROOT.glob("*/__init__.py")} - TOOLING

    assert found == set(PACKAGES)
    assert found == set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
