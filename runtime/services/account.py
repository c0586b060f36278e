"""The unprivileged account that PostgreSQL and Mosquitto run as, and the folders that belong to it.

`initdb` and `postgres` refuse to run as root. Started by root they run as `postgres` (or `nobody`); started by anybody
else they run as that user.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from core.errors import Conflict, Unavailable

CANDIDATES = ("postgres", "nobody")
SYSTEM_HOME = Path("/var/lib/citygrid")
PRIVATE = 0o700
TRAVERSABLE = 0o755
ENVIRONMENT = {"PATH": os.defpath + ":/usr/sbin:/usr/local/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Demotion(TypedDict, total=False):
    """What `subprocess` needs to give up root."""

    user: int
    group: int
    extra_groups: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who the servers run as; `demoted` when that is not the caller."""

    name: str
    uid: int
    gid: int
    demoted: bool

    def demotion(self) -> Demotion:
        """Give the keyword arguments that make a subprocess run as this account."""
        if not self.demoted:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def run(self, command: Sequence[str | Path], *, text_in: str = "") -> subprocess.CompletedProcess[str]:
        """Run `command` as this account in `/`, without our environment, and give its output and exit code."""
        return subprocess.run(
            [str(part) for part in command],
            input=text_in,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            **self.demotion(),
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this account may pass through `folder`."""
        return self.run(["test", "-x", folder]).returncode == 0

    def write(self, file: Path, content: str) -> bool:
        """Make `file` hold `content`, readable by this account only; tell whether that changed anything."""
        if self.run(["cat", file]).stdout == content:
            return False
        done = self.run(["sh", "-c", 'cat >"$0.new" && mv -f "$0.new" "$0"', file], text_in=content)
        if done.returncode:
            raise Unavailable(f"{file} cannot be written: {_last_line(done.stderr)}")
        return True


def account_for(folder: Path) -> Account:
    """Give the account for the servers whose data are (or will be) in `folder`: its owner, if it exists."""
    owner = folder.stat().st_uid if folder.exists() else None
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        if owner not in {None, me.pw_uid}:
            holder = _name_of(owner or 0)
            raise Conflict(f"{folder} belongs to {holder}: use another CITYGRID_DATA_DIR, or run this as root")
        return Account(name=me.pw_name, uid=me.pw_uid, gid=me.pw_gid, demoted=False)
    entry = pwd.getpwuid(owner) if owner else _first_candidate()
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, demoted=True)


def own_folder(data_dir: Path, name: str, account: Account) -> Path:
    """Give the real path of `<data_dir>/<name>`, made if missing and owned by `account`.

    When the account cannot enter the data directory (a repository below /root), the folder lies in /var/lib/citygrid
    and `<data_dir>/<name>` is a link to it.
    """
    link = data_dir / name
    if link.is_symlink() and not link.exists():
        link.unlink()
    if not link.exists():
        _make(data_dir, link, account)
    real = link.resolve()
    if not account.can_enter(real):
        raise Unavailable(f"user {account.name} cannot enter {real}: let it, or use another CITYGRID_DATA_DIR")
    return real


def remove_folder(data_dir: Path, name: str) -> None:
    """Delete `<data_dir>/<name>` and what it links to."""
    link = data_dir / name
    real = link.resolve()
    if real.exists():
        shutil.rmtree(real)
    if link.is_symlink():
        link.unlink()
        if real.parent.parent == SYSTEM_HOME and not any(real.parent.iterdir()):
            real.parent.rmdir()


def make_data_dir(data_dir: Path) -> Path:
    """Make the data directory, one that the servers' account may pass through, and give its absolute path."""
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        data_dir.chmod(TRAVERSABLE)
    return data_dir.resolve()


def _make(data_dir: Path, link: Path, account: Account) -> None:
    if account.can_enter(data_dir):
        real = link
    else:
        home = SYSTEM_HOME / hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
        for folder in (SYSTEM_HOME, home):
            folder.mkdir(exist_ok=True)
            folder.chmod(TRAVERSABLE)
        real = home / link.name
    real.mkdir(mode=PRIVATE, exist_ok=True)
    if account.demoted:
        os.chown(real, account.uid, account.gid)
    if real != link:
        link.symlink_to(real)


def _first_candidate() -> pwd.struct_passwd:
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable(f"started as root, and none of the users {', '.join(CANDIDATES)} exists to run the servers as")


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"
