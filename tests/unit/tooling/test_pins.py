"""requirements/*.txt: everything pyproject.toml asks for, pinned, and no registry's address."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = {
    "runtime.txt": PROJECT["project"]["dependencies"],
    "dev.txt": PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"],
    "build.txt": PROJECT["dependency-groups"]["build"],
}


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in found}


@pytest.mark.parametrize("file", WANTED)
def test_every_dependency_is_pinned_to_a_version_that_fits(file: str) -> None:
    pinned = pins(file)

    unmet = [
        text
        for text in WANTED[file]
        if (one := Requirement(text)).specifier.contains(pinned.get(canonicalize_name(one.name), "0")) is False
    ]

    assert unmet == [], "run: make pins"


@pytest.mark.parametrize("file", WANTED)
def test_no_address_and_no_path_stands_in_the_pins(file: str) -> None:
    text = (ROOT / "requirements" / file).read_text()

    assert re.findall(r"://|--index|--find-links|@ ", text) == []


def test_developers_run_the_very_versions_of_the_runtime() -> None:
    assert pins("runtime.txt").items() <= pins("dev.txt").items()
