"""The city's device authority on disk, and what a broker is handed of it (`devices.authority`).

A folder of its own in the data directory: key and certificate, the broker's certificate and key, and the list of
revocations. It is made when services are set up, or by `citygrid devices certificates
authority`; who only uses it never makes one, for two authorities would each refuse the other's devices.
"""

import fcntl
import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from core.errors import Conflict
from devices import authority
from devices.authority import Authority, Papers
from runtime.settings import Settings

FOLDER = "device-authority"
CERTIFICATE, KEY = "authority.crt", "authority.key"
BROKER_CERTIFICATE, BROKER_KEY = "broker.crt", "broker.key"
REVOKED = "device_crl"
"""The list of revocations, here and where the broker reads it."""
TO_END = "to_end"
"""User names whose connections must be ended once the broker has read the list."""
PRIVATE, PRIVATE_FOLDER, SHARED, SHARED_KEY = 0o600, 0o700, 0o644, 0o640


def ensure(settings: Settings, now: datetime) -> Authority:
    """Give the authority, made if there is none; of two processes one makes it."""
    folder = _folder(settings)
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    with _only_one(folder):
        if not (folder / CERTIFICATE).exists():
            papers = authority.found(now).papers
            write(folder / KEY, papers.key, PRIVATE)
            write(folder / CERTIFICATE, papers.certificate, SHARED)
    return _read(folder)


def known(settings: Settings) -> Authority | None:
    """Give the authority, or None when none was made."""
    folder = _folder(settings)
    return _read(folder) if (folder / CERTIFICATE).exists() else None


def need(settings: Settings) -> Authority:
    """Give the authority; raises `Conflict` with what makes one."""
    found = known(settings)
    if found is None:
        raise Conflict("this city has no device authority: `citygrid devices certificates authority` makes it")
    return found


def for_broker(settings: Settings, signer: Authority, now: datetime) -> Mapping[str, str]:
    """Give the files that the broker's port for certificates needs, by name; its key and certificate are kept."""
    folder = _folder(settings)
    names = settings.mqtt_device_names.split()
    authority.check_names(names)
    with _only_one(folder):
        files = [folder / name for name in (BROKER_CERTIFICATE, BROKER_KEY)]
        papers = Papers(certificate=_text(files[0]), key=_text(files[1]))
        if not papers.key or not signer.suits_broker(papers.certificate, names, now):
            papers = signer.for_broker(names, now)
            write(files[1], papers.key, PRIVATE)
            write(files[0], papers.certificate, SHARED)
    return {
        CERTIFICATE: signer.papers.certificate,
        BROKER_CERTIFICATE: papers.certificate,
        BROKER_KEY: papers.key,
        REVOKED: revocations(settings, signer) or signer.revocations((), now),
    }


def revocations(settings: Settings, signer: Authority) -> str:
    """Give the list there is; empty when there is none of this authority."""
    text = _text(_folder(settings) / REVOKED)
    return text if signer.revoked_in(text) is not None else ""


def revoke(settings: Settings, text: str, names: Iterable[str]) -> None:
    """Keep a new list, and first whose connections are to end for it: a crash in between forgets neither."""
    write(_folder(settings) / TO_END, "".join(f"{name}\n" for name in sorted(names)), SHARED)
    write(_folder(settings) / REVOKED, text, SHARED)


def to_end(settings: Settings) -> frozenset[str]:
    """Give the user names whose connections are still to be ended."""
    return frozenset(_text(_folder(settings) / TO_END).split())


def ended(settings: Settings) -> None:
    """Note that they were."""
    (_folder(settings) / TO_END).unlink(missing_ok=True)


def write(file: Path, content: str, mode: int) -> None:
    """Replace a file at once; never for a moment is it readable by more than `mode` allows."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w", encoding="ascii") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(file)


def _folder(settings: Settings) -> Path:
    return settings.data_dir.resolve() / FOLDER


def _read(folder: Path) -> Authority:
    return authority.read(Papers(certificate=_text(folder / CERTIFICATE), key=_text(folder / KEY)))


def _text(file: Path) -> str:
    return file.read_text(encoding="ascii") if file.exists() else ""


@contextmanager
def _only_one(folder: Path) -> Generator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
