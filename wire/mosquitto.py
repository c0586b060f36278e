"""Mosquitto's password_file and acl_file for devices and gateways: who may enter, and who may say and hear what. Pure.

A device's user name is the middle of its topics (`130203/manhole/MC-000123`), so two dozen bytes of pattern give each
its own topics and no others, however many there are. A gateway's devices are listed under its name (ADR-0024).
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence

from wire.formats import FORMATS
from wire.topics import ANSWER, COMMAND, NATIVE, ROOT, is_ours

ROUNDS = 1
"""Generated passwords are 192 random bits: nobody guesses one from its hash, so more rounds only slow the broker."""
_NAMES = {tree.rpartition("/")[2] for known in FORMATS for tree in known.filters if is_ours(tree)}
SAID = (*NATIVE, *sorted(_NAMES - set(NATIVE)), ANSWER)
"""Last parts of the topics that a device may publish to."""


def hashed(password: str, salt: bytes, rounds: int) -> str:
    """Give a password as `mosquitto_passwd` writes it: PBKDF2-SHA512."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def password_file(hashes: Iterable[tuple[str, str]]) -> str:
    """Give the password_file of (user name, hash)."""
    return "".join(f"{name}:{hash_}\n" for name, hash_ in hashes)


def acl_file(gateways: Mapping[str, Sequence[str]]) -> str:
    """Give the acl_file: own topics for everybody, and for a gateway those of the devices listed under it."""
    lines: list[str] = []
    for name, devices in gateways.items():
        lines.append(f"user {name}")
        for device in devices:  # two lines a device: the broker goes through all of a gateway's with each message
            lines += [f"topic write {ROOT}/{device}/+", f"topic read {ROOT}/{device}/{COMMAND}"]
        lines.append("")
    lines += [f"pattern write {ROOT}/%u/{part}" for part in SAID]
    lines.append(f"pattern read {ROOT}/%u/{COMMAND}")
    return "\n".join(lines) + "\n"
