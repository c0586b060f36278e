"""Generated passwords (`secrets.json`, mode 0600) and the broker's accounts with what each may do."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.settings import SECRETS_FILE
from wire import gtfs_rt, jt808, mosquitto
from wire.command import ANSWERS
from wire.formats import FORMATS
from wire.topics import COMMAND, ROOT, is_ours

DATABASE_ROLES = ("postgres", "citygrid", "citygrid_ingest", "citygrid_view")
DISTRICTS = ("130202", "130203", "130204", "130205")
ALL_TOPICS = f"{ROOT}/#"
BROKER_FACTS = "$SYS/broker/#"
FOREIGN_TOPICS = tuple(tree for known in FORMATS for tree in known.filters if not is_ours(tree))
"""Trees that network servers, edge nodes, cameras and bridges publish in, each as its maker lays it out."""
BRIDGED_TOPICS = (gtfs_rt.FILTER, jt808.FILTER)
"""Of these, the trees of our own bridges; nobody else writes there."""
REBIRTH_REQUESTS = "spBv1.0/+/NCMD/+"
"""The one thing ingest says: it asks a Sparkplug edge node to tell its metrics anew."""
PASSWORD_BYTES = 24
HASH_ROUNDS = 101  # mosquitto_passwd's own default; the passwords are 192 random bits, so rounds add nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccount:
    """A login of the broker and the topic filters it may read and write."""

    name: str
    password: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def ensure(data_dir: Path) -> dict[str, dict[str, str]]:
    """Give the passwords of `data_dir`, making those that are missing; the file is never readable by others."""
    file = data_dir / SECRETS_FILE
    kept: Mapping[str, Mapping[str, str]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    names = {"database": DATABASE_ROLES, "mqtt": broker_logins()}
    full = {
        part: {login: kept.get(part, {}).get(login) or secrets.token_urlsafe(PASSWORD_BYTES) for login in logins}
        for part, logins in names.items()
    }
    whole = {**kept, **full}
    if whole != kept:
        _write_private(file, json.dumps(whole, indent=2) + "\n")
    return full


def ensure_people(data_dir: Path, names: Iterable[str]) -> tuple[dict[str, str], set[str]]:
    """Give the passwords of the demo's accounts, in the same file, and whose had to be made."""
    file = data_dir / SECRETS_FILE
    whole: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = whole.get("people", {})
    full = {**kept, **{name: kept.get(name) or secrets.token_urlsafe(PASSWORD_BYTES) for name in names}}
    if full != kept:
        data_dir.mkdir(parents=True, exist_ok=True)
        _write_private(file, json.dumps({**whole, "people": full}, indent=2) + "\n")
    return full, full.keys() - kept.keys()


def broker_logins() -> tuple[str, ...]:
    """Give the names of the broker's accounts: what ours does first, then other platforms, bridges and gateways."""
    return (
        "ingest",
        "commander",
        "recorder",
        "integrations",
        "bridge",
        *(f"gateway-{district}" for district in DISTRICTS),
    )


def broker_accounts(passwords: Mapping[str, str]) -> tuple[BrokerAccount, ...]:
    """Give each account with its rights.

    Ingest reads all, the commander tells devices and hears what they answer, the recorder reads and replays our own
    tree, a gateway writes its district and hears its commands, `bridge` writes what our bridges publish, and
    `integrations` (LoRaWAN network servers, edge nodes, cameras) the other foreign trees.
    """
    gateways = tuple(
        BrokerAccount(
            name=f"gateway-{district}",
            password=passwords[f"gateway-{district}"],
            reads=(f"{ROOT}/{district}/+/+/{COMMAND}",),
            writes=(f"{ROOT}/{district}/#",),
        )
        for district in DISTRICTS
    )
    return (
        BrokerAccount(
            name="ingest",
            password=passwords["ingest"],
            reads=(ALL_TOPICS, *FOREIGN_TOPICS, BROKER_FACTS),
            writes=(REBIRTH_REQUESTS,),
        ),
        BrokerAccount(
            name="commander", password=passwords["commander"], reads=(ANSWERS,), writes=(f"{ROOT}/+/+/+/{COMMAND}",)
        ),
        BrokerAccount(name="recorder", password=passwords["recorder"], reads=(ALL_TOPICS,), writes=(ALL_TOPICS,)),
        BrokerAccount(
            name="integrations",
            password=passwords["integrations"],
            reads=(REBIRTH_REQUESTS,),
            writes=tuple(tree for tree in FOREIGN_TOPICS if tree not in BRIDGED_TOPICS),
        ),
        BrokerAccount(name="bridge", password=passwords["bridge"], writes=BRIDGED_TOPICS),
        *gateways,
    )


def password_file(accounts: tuple[BrokerAccount, ...]) -> str:
    """Give Mosquitto's password_file: PBKDF2-SHA512 as `mosquitto_passwd` writes it.

    The salt is derived from the password, so that an unchanged password gives an unchanged file and the broker is not
    reloaded for nothing; each password is random, so no two accounts share a salt.
    """
    return mosquitto.password_file((account.name, _hash(account.password)) for account in accounts)


def acl_file(accounts: tuple[BrokerAccount, ...]) -> str:
    """Give Mosquitto's acl_file; what is not listed is refused."""
    lines: list[str] = []
    for account in accounts:
        lines.append(f"user {account.name}")
        lines += [f"topic read {topic}" for topic in account.reads]
        lines += [f"topic write {topic}" for topic in account.writes]
        lines.append("")
    return "\n".join(lines)


def _hash(password: str) -> str:
    salt = hashlib.sha256(b"citygrid-salt:" + password.encode()).digest()[:12]
    return mosquitto.hashed(password, salt, HASH_ROUNDS)


def _write_private(file: Path, content: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(file)
