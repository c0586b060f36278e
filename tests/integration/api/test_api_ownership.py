"""Ownership, codes, editions and surveys over HTTP."""

import csv
import io

import httpx2
import psycopg

from tests.integration.api.city import CODES

FINDINGS = """
INSERT INTO survey (source, crs, imported_at, actor, rows_read, rows_loaded, summary)
SELECT 'covers-' || n || '.gpkg', 'EPSG:4548', now(), 'li', 3, 1,
       '{"created": 1, "refused": 2, "departments_missing": {"owner": 1}, "notes": ["read as GB 18030"]}'
FROM generate_series(1, 3) AS n;
INSERT INTO survey_finding (survey_id, line, col, reason, detail, refused, lon, lat) VALUES
    (2, 2, 'code', 'code_length', 'has 15 characters, "not" 16', true, 118.18, 39.63),
    (2, 3, 'geometry', 'outside_grids', 'in no grid', true, 118.19, 39.64),
    (2, 3, 'owner', 'no_department', 'no owner is named', false, NULL, NULL);
"""
WHY = {"reason": "list of 2026"}


async def done(api: httpx2.AsyncClient, path: str, **body: object) -> dict[str, object]:
    answer = await api.post(f"/api/v1{path}", json={**WHY, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def got(api: httpx2.AsyncClient, path: str, **query: str | int) -> dict[str, object]:
    answer = await api.get(f"/api/v1{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_assignment_is_tried_then_made_and_seen_in_the_component(own_api: httpx2.AsyncClient) -> None:
    body = {"duty": "maintainer", "department_id": 1, "classes": ["0101"]}
    answer = await own_api.post("/api/v1/ownership/assignments", params={"dry_run": True}, json={**WHY, **body})
    trial = answer.json()

    assert (trial["dry_run"], trial["matched"], trial["filled"], trial["incidents"]) == (True, 6, 6, 2)
    assert [(one["before"]["name_zh"], one["after"]["name_zh"], one["after"]["reason"]) for one in trial["moved"]] == [
        ("自来水公司", "城管局", "maintainer")
    ] * 2
    assert (await got(own_api, "/ownership/dispatch"))["by_reason"] == {"owner": 6}

    await done(own_api, "/ownership/assignments", **body)
    assert (await got(own_api, "/ownership/dispatch"))["by_reason"] == {"maintainer": 6}
    (first, second) = (await got(own_api, f"/components/{CODES[0]}/history"))["items"]
    assert (first["maintainer_zh"], first["change_reason"], second["maintainer_zh"]) == ("城管局", "list of 2026", None)
    assert (await got(own_api, "/ownership/worklist"))["items"] == []


async def test_the_worklist_is_paged_counted_and_exported(api: httpx2.AsyncClient) -> None:
    page = await got(api, "/ownership/worklist", reason="no_maintainer", limit=4)
    rest = await got(api, "/ownership/worklist", reason="no_maintainer", limit=4, cursor=str(page["next"]))

    assert [row["code"] for row in [*page["items"], *rest["items"]]] == CODES
    assert (page["items"][0]["reasons"], rest["next"]) == (["no_maintainer"], None)
    counts = await got(api, "/ownership/counts", by="district")
    assert [(row["key"], row["name_en"], row["unclear"]) for row in counts["items"]] == [("130203", "Lubei", 6)]
    text = (await api.get("/api/v1/ownership/worklist.csv")).content.decode("utf-8-sig")
    assert [row["code"] for row in csv.DictReader(io.StringIO(text))] == CODES
    assert (await got(api, "/ownership/worklist", area="130202"))["items"] == []


async def test_units_are_registered_renamed_merged_and_retired(own_api: httpx2.AsyncClient) -> None:
    heir = await done(own_api, "/departments", name_zh="水务集团", unit_code="TS-17", kind="enterprise")
    assert (heir["name_en"], heir["kind"], heir["known_as"]) == ("水务集团", "enterprise", [])
    changed = await done(own_api, f"/departments/{heir['department_id']}", name_zh="唐山水务", parent="城管局")
    assert (changed["known_as"], changed["parent_en"]) == (["水务集团"], "Urban management")
    assert await done(own_api, "/departments/2/merge", into=heir["department_id"]) == {"components": 6}
    assert await done(own_api, "/departments/1/retire") == {"components": 6}

    assert [row["name_zh"] for row in (await got(own_api, "/departments"))["items"]] == ["唐山水务"]
    every = (await got(own_api, "/departments", retired="true"))["items"]
    assert [(row["name_zh"], row["merged_zh"]) for row in every][:2] == [("城管局", None), ("自来水公司", "唐山水务")]
    history = (await got(own_api, f"/departments/{heir['department_id']}/history"))["items"]
    assert [(row["name_zh"], row["change_reason"]) for row in history] == [
        ("唐山水务", "list of 2026"), ("水务集团", "list of 2026"),
    ]  # fmt: skip
    assert (await own_api.post("/api/v1/departments/1/retire", json=WHY)).status_code == 409
    assert (await own_api.post("/api/v1/departments/99/retire", json=WHY)).status_code == 404


async def test_codes_are_issued_and_listed(own_api: httpx2.AsyncClient) -> None:
    given = await done(own_api, "/codes", district_code="130203", class_code="0101", count=2)

    assert given["codes"] == ["1302030101000007", "1302030101000008"], "after the six of the survey"
    page = await got(own_api, "/codes", limit=1)
    rest = await got(own_api, "/codes", limit=1, cursor=str(page["next"]))
    assert [row["code"] for row in [*page["items"], *rest["items"]]] == given["codes"]
    assert (page["items"][0]["in_use"], page["items"][0]["reason"]) == (False, "list of 2026")


async def test_editions_say_their_digits_and_what_classes_became(api: httpx2.AsyncClient) -> None:
    items = {row["edition"]: row for row in (await got(api, "/editions"))["items"]}
    assert (items["2007"]["classes"], items["tangshan"]["classes"]) == (85, 116)
    assert [(part["name"], part["last"]) for part in items["2013"]["parts"]] == [
        ("district", 6), ("major", 8), ("minor", 10), ("serial", 16),
    ]  # fmt: skip
    classes = (await got(api, "/editions/2007/classes"))["items"]
    assert {row["class_code"]: row["name_zh"] for row in classes}["0308"] == "环保监测站"
    found = (await got(api, "/editions/2007/successors"))["items"]
    assert [row["to_code"] for row in found if row["from_code"] == "0117"] == ["0130", "0131"]
    assert (await api.get("/api/v1/editions/1999/classes")).status_code == 404


async def test_surveys_come_with_their_report_and_findings(own_api: httpx2.AsyncClient, city: str) -> None:
    with psycopg.connect(city) as conn:
        conn.execute(FINDINGS)
    page = await got(own_api, "/surveys", limit=2)
    rest = await got(own_api, "/surveys", limit=2, cursor=str(page["next"]))
    assert [row["source"] for row in [*page["items"], *rest["items"]]] == [f"covers-{n}.gpkg" for n in (3, 2, 1)]

    report = await got(own_api, "/surveys/2")
    assert (report["created"], report["refused"], report["departments_missing"]) == (1, 2, {"owner": 1})
    assert [(row["reason"], row["findings"], row["placed"]) for row in report["reasons"]] == [
        ("code_length", 1, 1), ("no_department", 1, 0), ("outside_grids", 1, 1),
    ]  # fmt: skip
    first = await got(own_api, "/surveys/2/findings", limit=2)
    second = await got(own_api, "/surveys/2/findings", limit=2, cursor=str(first["next"]))
    assert [(row["line"], row["reason"]) for row in [*first["items"], *second["items"]]] == [
        (2, "code_length"), (3, "no_department"), (3, "outside_grids"),
    ]  # fmt: skip
    assert (await own_api.get("/api/v1/surveys/9")).status_code == 404


async def test_findings_are_downloaded_as_a_table_and_as_a_map(own_api: httpx2.AsyncClient, city: str) -> None:
    with psycopg.connect(city) as conn:
        conn.execute(FINDINGS)
    text = (await own_api.get("/api/v1/surveys/2/findings.csv")).content.decode("utf-8-sig")
    drawn = await got(own_api, "/surveys/2/findings.geojson")
    none = await got(own_api, "/surveys/1/findings.geojson")
    refused = await got(own_api, "/surveys/2/findings.geojson", refused="false")

    assert next(row["detail"] for row in csv.DictReader(io.StringIO(text))) == 'has 15 characters, "not" 16'
    assert [one["geometry"]["coordinates"] for one in drawn["features"]] == [[118.18, 39.63], [118.19, 39.64]]
    assert none == refused == {"type": "FeatureCollection", "features": []}
