"""Finds a PostgreSQL that has TimescaleDB and PostGIS; where only TimescaleDB lacks, has it built (`timescale`)."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import Conflict, Unavailable
from runtime.services import packages, timescale
from runtime.services.account import ENVIRONMENT

OLDEST_MAJOR = 15
EXTENSIONS = ("timescaledb", "postgis")
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/usr/pgsql-*/bin", "/usr/local/bin", "/usr/bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One PostgreSQL on this machine (or our private tree of it)."""

    major: int
    version: str
    bin: Path
    lib: Path
    share: Path

    def has(self, extension: str) -> bool:
        """Whether `CREATE EXTENSION` would find it."""
        return (self.share / "extension" / f"{extension}.control").exists()

    @property
    def is_complete(self) -> bool:
        """Whether it can run CityGrid as it is."""
        return all(self.has(extension) for extension in EXTENSIONS)


def choose(data_major: int | None, say: Callable[[str], None]) -> Installation:
    """Give the PostgreSQL to run; `data_major` is the version that made the existing data.

    Raises: `Unavailable` when none can be had without installing packages, `Conflict` when only another version than
    that of the data is there; both say what to do.
    """
    everything = found()
    fitting = [one for one in everything if one.major >= OLDEST_MAJOR and data_major in {None, one.major}]
    if not fitting:
        _refuse(everything, data_major)
    for one in fitting:
        if one.is_complete:
            return one
    for one in fitting:
        if one.has("postgis"):
            tree = timescale.private_tree(one.major, one.version, (one.bin, one.lib, one.share), say)
            return Installation(
                major=one.major,
                version=one.version,
                bin=tree / timescale.bin_of(one.major),
                lib=one.lib,
                share=one.share,
            )
    raise Unavailable(f"PostgreSQL {fitting[0].version} has no PostGIS: {packages.remedy(('services', 'build'))}")


def found() -> tuple[Installation, ...]:
    """Give every PostgreSQL server on this machine, the newest first."""
    folders = {folder for place in PLACES for folder in Path("/").glob(place.lstrip("/"))}
    all_found = [one for folder in sorted(folders) for one in _examine(folder)]
    return tuple(sorted(all_found, key=lambda one: one.major, reverse=True))


def _examine(folder: Path) -> Iterator[Installation]:
    if not ((folder / "postgres").exists() and (folder / "initdb").exists()):
        return
    match = re.search(r"(\d+)[\d.]*", _output(folder / "postgres", "--version"))
    if match is None:
        return
    major = int(match[1])
    share = _output(folder / "pg_config", "--sharedir") or f"/usr/share/postgresql/{major}"
    lib = _output(folder / "pg_config", "--pkglibdir") or str(folder.parent / "lib")
    yield Installation(major=major, version=match[0], bin=folder, lib=Path(lib), share=Path(share))


def _output(program: Path, option: str) -> str:
    if not program.exists():
        return ""
    done = subprocess.run([program, option], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    return done.stdout.strip()


def _refuse(everything: tuple[Installation, ...], data_major: int | None) -> None:
    versions = ", ".join(one.version for one in everything)
    if data_major is not None and everything:
        raise Conflict(
            f"the data were made by PostgreSQL {data_major}, but this machine has {versions}: install"
            f" postgresql-{data_major}, or `citygrid services reset` deletes the data and starts anew"
        )
    if everything:
        raise Unavailable(
            f"PostgreSQL {versions} is too old, {OLDEST_MAJOR} or newer is needed: {packages.remedy(('services',))}"
        )
    raise Unavailable(f"PostgreSQL is not installed: {packages.remedy(('services', 'build'))}")
