"""What the services' pure parts write and say: configuration, accounts, packages, reasons."""

from pathlib import Path

import pytest

from runtime.services import mosquitto, packages, passwords, postgres, readiness
from runtime.services.passwords import BrokerAccount

GIB = 1 << 30


def settings_of(text: str) -> dict[str, str]:
    return dict(line.replace("'", "").split(" = ", 1) for line in text.splitlines())


def test_postgres_listens_on_loopback_only_and_keeps_commits() -> None:
    written = settings_of(postgres.configuration(54329, 24 * GIB, {}))

    assert written["listen_addresses"] == "127.0.0.1"
    assert written["unix_socket_directories"] == ""
    assert written["synchronous_commit"] == "on"
    assert written["timescaledb.telemetry_level"] == "off"
    assert "fsync" not in written


@pytest.mark.parametrize(("memory", "expected"), [(512 << 20, "128MB"), (4 * GIB, "512MB"), (64 * GIB, "1024MB")])
def test_shared_buffers_follow_the_memory_within_bounds(memory: int, expected: str) -> None:
    assert settings_of(postgres.configuration(54329, memory, {}))["shared_buffers"] == expected


def test_the_tests_own_settings_win() -> None:
    assert settings_of(postgres.configuration(54329, GIB, {"fsync": "off", "wal_compression": "off"})).items() >= {
        ("fsync", "off"),
        ("wal_compression", "off"),
    }


def test_the_brokers_queue_is_bounded_by_memory(tmp_path) -> None:
    small = mosquitto.configuration(tmp_path, 18839, mosquitto.DeviceListener(port=18840), 2 * GIB)
    large = mosquitto.configuration(tmp_path, 18839, mosquitto.DeviceListener(port=18840), 64 * GIB)

    assert f"max_queued_bytes {GIB // 4}\n" in small
    assert f"max_queued_bytes {GIB}\n" in large
    assert "allow_anonymous false" in small
    assert "listener 18839 127.0.0.1" in small


def test_devices_enter_by_tls_when_there_is_a_certificate(tmp_path) -> None:
    pem = Path("/etc/citygrid.pem")
    devices = mosquitto.DeviceListener(port=8883, host="0.0.0.0", certificate=pem, key=pem)
    written = mosquitto.configuration(tmp_path, 18839, devices, GIB)

    ours, theirs = written.split("listener ")[1:]
    assert "certfile" not in ours
    assert theirs.startswith("8883 0.0.0.0\n")
    assert f"certfile {tmp_path}/device.crt\nkeyfile {tmp_path}/device.key\n" in theirs


def test_an_account_may_do_what_is_listed_and_nothing_else() -> None:
    accounts = (
        BrokerAccount(name="reader", password="a", reads=("citygrid/v1/#",)),
        BrokerAccount(name="writer", password="b", writes=("citygrid/v1/130202/#",)),
    )

    assert passwords.acl_file(accounts) == (
        "user reader\ntopic read citygrid/v1/#\n\nuser writer\ntopic write citygrid/v1/130202/#\n"
    )


def test_an_unchanged_password_gives_an_unchanged_file_without_the_password_in_it() -> None:
    accounts = (
        BrokerAccount(name="reader", password="not-in-the-file"),
        BrokerAccount(name="writer", password="other"),
    )

    first, second = passwords.password_file(accounts).splitlines()

    assert passwords.password_file(accounts).splitlines() == [first, second]
    assert first.startswith("reader:$7$101$")
    assert "not-in-the-file" not in first
    assert first.split("$")[3] != second.split("$")[3]


def test_passwords_are_made_once_and_kept(tmp_path) -> None:
    first = passwords.ensure(tmp_path)

    assert passwords.ensure(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert len({secret for part in first.values() for secret in part.values()}) == 13


def test_a_password_that_a_newer_version_needs_is_added(tmp_path) -> None:
    first = passwords.ensure(tmp_path)
    (tmp_path / "secrets.json").write_text('{"database": {"postgres": "kept"}}')

    later = passwords.ensure(tmp_path)

    assert later["database"]["postgres"] == "kept"
    assert later["mqtt"].keys() == first["mqtt"].keys()


@pytest.mark.parametrize("release", packages.SUPPORTED)
def test_every_supported_debian_has_its_packages(release: str) -> None:
    rows = [row for row in packages.table(packages.TABLE.read_text()) if row.release == release]

    assert {row.group for row in rows} >= {"services", "python", "tests"}
    assert {"mosquitto", "chromium"} <= {row.name for row in rows}


def test_debian_is_told_from_others() -> None:
    assert packages.debian_release('ID=debian\nVERSION_ID="13"\n') == "13"
    assert packages.debian_release('ID=ubuntu\nVERSION_ID="24.04"\n') is None
    assert packages.debian_release("ID=debian\n") is None


@pytest.mark.parametrize(
    ("log", "part"),
    [
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', "the disk is full"),
        ('FATAL:  could not access file "timescaledb": No such file', "the library timescaledb is missing"),
        ("Error: Address already in use", "its port is taken"),
        ("LOG: fine\nFATAL:  something new", "FATAL:  something new (log: /a/b.log)"),
        ("", "it gave no reason (log: /a/b.log)"),
    ],
)
def test_a_dead_server_gives_one_sentence(log: str, part: str) -> None:
    sentence = readiness.explain("PostgreSQL", log, "/a/b.log")

    assert sentence.startswith("PostgreSQL does not start: ")
    assert part in sentence
    assert "\n" not in sentence
