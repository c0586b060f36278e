"""Real services for the tests: a PostgreSQL with TimescaleDB and PostGIS, and a Mosquitto.

`CITYGRID_TEST_DATABASE_URL` (a superuser's) and `CITYGRID_TEST_MQTT_URL` name running ones; without them the tests
start their own in `.citygrid/test`.
"""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
import structlog
from psycopg import conninfo, sql

from storage.migrate import migrate
from tests.own_services import own_services


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL (superuser's address) and broker."""

    database_url: str
    mqtt_url: str


@pytest.fixture(scope="session", autouse=True)
def logs_beside_what_is_printed() -> None:
    """A server's thread logs while a command's standard output is read: not into it, but where pytest keeps logs."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer(key_order=["event"])],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    database_url = os.environ.get("CITYGRID_TEST_DATABASE_URL")
    mqtt_url = os.environ.get("CITYGRID_TEST_MQTT_URL")
    if database_url and mqtt_url:
        yield Cluster(database_url, mqtt_url)
        return
    with own_services() as addresses:
        yield Cluster(*addresses)


@pytest.fixture
def broker(cluster: Cluster) -> str:
    return cluster.mqtt_url


def _address(cluster: Cluster, name: str) -> str:
    return conninfo.make_conninfo(cluster.database_url, dbname=name)


def create_database(cluster: Cluster, template: str | None = None) -> str:
    """Make a database with the extensions, or a copy of `template`, and give its name."""
    name = f"citygrid_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(cluster.database_url, autocommit=True) as conn:
        if template:
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        else:
            conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
    if not template:
        with psycopg.connect(_address(cluster, name), autocommit=True) as conn:
            conn.execute("CREATE EXTENSION timescaledb")
            conn.execute("CREATE EXTENSION postgis")
    return name


def drop_database(cluster: Cluster, name: str) -> None:
    with psycopg.connect(cluster.database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def template_database(cluster: Cluster) -> Iterator[str]:
    """A migrated, empty database that every test's own is copied from; nobody may connect to it."""
    name = create_database(cluster)
    migrate(_address(cluster, name))
    with psycopg.connect(cluster.database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    yield name
    drop_database(cluster, name)


@pytest.fixture
def database(cluster: Cluster, template_database: str) -> Iterator[str]:
    """The address of a fresh, migrated, empty database, as its owner."""
    name = create_database(cluster, template_database)
    yield _address(cluster, name)
    drop_database(cluster, name)


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    """The address of a database with the extensions and nothing else."""
    name = create_database(cluster)
    yield _address(cluster, name)
    drop_database(cluster, name)
