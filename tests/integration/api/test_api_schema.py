"""Asks the running API for what its own description allows and forbids, and holds every answer against it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from psycopg import conninfo
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.conftest import Cluster, create_database, drop_database
from tests.integration.api.city import build
from tests.integration.api.conftest import serving, signed_in

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[3] / "openapi.json").read_text(encoding="utf-8"))
del SCHEMA["paths"]["/api/v1/stream"]  # it never ends
described = schemathesis.openapi.from_dict(SCHEMA)


@schemathesis.serializer("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def as_bytes(_: object, value: Any) -> bytes:
    """Give a body of arbitrary bytes: no workbook, and to be refused as such."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def address(cluster: Cluster, template_database: str) -> Iterator[str]:
    """A city of its own: what is asked may change it."""
    name = create_database(cluster, template_database)
    url = conninfo.make_conninfo(cluster.database_url, dbname=name)
    with psycopg.connect(url) as conn:
        build(conn)
    with serving(url) as address:
        yield address
    drop_database(cluster, name)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=20) as client:
        yield client


@described.parametrize()
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
def test_every_answer_is_one_that_the_description_names(case: schemathesis.Case, address: str, client: httpx2.Client):
    # sent by our own client: schemathesis' needs a urllib3 that other packages replace
    sent = case.as_transport_kwargs(base_url=address)
    response = client.request(
        sent["method"],
        sent["url"],
        params=sent.get("params"),
        headers={**(sent.get("headers") or {}), **signed_in(address)},
        content=json.dumps(sent["json"]) if "json" in sent else sent.get("data"),
    )

    # a well-formed cursor, department or pair of times may still be refused with 400: a schema cannot say when
    left_out = [positive_data_acceptance]
    if case.operation.path.startswith("/ogc/"):
        left_out.append(negative_data_rejection)  # OGC API Features: a limit over the largest shall not be an error
    case.validate_response(response, excluded_checks=left_out)
