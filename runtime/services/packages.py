"""Which Debian packages are missing, and the exact command that installs them."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parent / "debian-packages.txt"
OS_RELEASE = Path("/etc/os-release")
SUPPORTED = ("12", "13")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One line of the table."""

    release: str
    group: str
    name: str
    proof: str


def table(text: str) -> tuple[Package, ...]:
    """Read the table's lines."""
    rows = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return tuple(Package(release=release, group=group, name=name, proof=proof) for release, group, name, proof in rows)


def debian_release(os_release: str) -> str | None:
    """Give `12`, `13` ... from the text of /etc/os-release; None on another distribution."""
    facts = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    if facts.get("ID") != "debian":
        return None
    return facts.get("VERSION_ID", "").strip('"') or None


def release() -> str | None:
    """Give this machine's Debian release, None on another distribution."""
    return debian_release(OS_RELEASE.read_text(encoding="utf-8")) if OS_RELEASE.exists() else None


def missing(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Give the packages of `groups` that this machine lacks; empty on a distribution we have no table for."""
    here = release()
    wanted = [row for row in table(TABLE.read_text(encoding="utf-8")) if row.release == here and row.group in groups]
    unproved = [row for row in wanted if row.proof == "-" or _command(row.proof) is None]
    installed = _installed([row.name for row in unproved if row.proof == "-"])
    return tuple(row.name for row in unproved if row.name not in installed)


def remedy(groups: tuple[str, ...]) -> str:
    """Say how to get what `groups` give: the exact command on Debian, the names of the parts elsewhere."""
    lacking = missing(groups)
    if lacking:
        return f"run: {install_command(lacking)}"
    if release() in SUPPORTED:
        return "run: scripts/bootstrap"
    return "install Mosquitto 2 and PostgreSQL 15 or newer with TimescaleDB and PostGIS, or use docker-compose.yml"


def install_command(names: tuple[str, ...]) -> str:
    """Give the apt command for `names`, with sudo when we are not root."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install --no-install-recommends {' '.join(names)}"


def find_command(name: str) -> Path | None:
    """Give the path of a program, also where only root's PATH looks."""
    return _command(name)


def _command(name: str) -> Path | None:
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def _installed(names: list[str]) -> frozenset[str]:
    if not names or shutil.which("dpkg-query") is None:
        return frozenset()
    done = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = (line.split() for line in done.stdout.splitlines())
    return frozenset(row[0] for row in rows if row[1:] == ["installed"])
