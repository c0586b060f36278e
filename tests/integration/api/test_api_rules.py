"""Rules over HTTP: what is in force, its versions, and why an incident came about."""

import httpx2
import psycopg
import pytest

from alerts import rulebook, versions
from alerts.versions import Publication
from tests.integration.api.city import NOW


@pytest.fixture
async def published(city: str) -> str:
    async with await psycopg.AsyncConnection.connect(city) as conn:
        await versions.publish(
            conn, Publication(texts=versions.texts(rulebook.DEFAULT), actor="wang", reason="first"), NOW
        )
    return city


async def test_without_a_version_nothing_is_in_force(own_api: httpx2.AsyncClient) -> None:
    assert (await own_api.get("/api/v1/rules")).json() == {"version": None, "rules": []}
    assert (await own_api.get("/api/v1/rules/versions")).json() == []


@pytest.mark.usefixtures("published")
async def test_the_rules_in_force_are_told_with_their_version(own_api: httpx2.AsyncClient) -> None:
    answer = (await own_api.get("/api/v1/rules")).json()

    assert (answer["version"]["version"], answer["version"]["actor"]) == (1, "wang")
    assert {rule["rule"] for rule in answer["rules"]} == {rule.name for rule in rulebook.load(rulebook.DEFAULT).rules}


@pytest.mark.usefixtures("published")
async def test_a_version_is_shown_with_its_files(own_api: httpx2.AsyncClient) -> None:
    (item,) = (await own_api.get("/api/v1/rules/versions")).json()
    found = (await own_api.get("/api/v1/rules/versions/1")).json()

    assert found == {**item, "texts": versions.texts(rulebook.DEFAULT)}
    assert (await own_api.get("/api/v1/rules/versions/9")).status_code == 404


async def test_an_incident_is_explained_by_id_and_by_case_number(own_api: httpx2.AsyncClient) -> None:
    (incident, *_) = (await own_api.get("/api/v1/incidents?state=all")).json()["items"]

    by_id = await own_api.get(f"/api/v1/incidents/{incident['incident_id']}/explanation")
    by_number = await own_api.get(f"/api/v1/incidents/{incident['case_no']}/explanation")

    assert (by_id.status_code, by_id.json()) == (200, by_number.json())
    assert by_id.json()["comparisons"][0]["comparison"] == incident["evidence"]["comparison"]
    assert (await own_api.get("/api/v1/incidents/999999/explanation")).status_code == 404
