"""A city's own class, from its folder to the API: a component of it is imported, seen, named; codes are issued."""

from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from cli import codes, components
from tests import own_catalogue
from tests.integration.api.conftest import serving, signed_in

CODE = "1302030198000001"
SURVEY = f"code,state,x,y,note\n{CODE},完好,118.1802,39.6305,=1\n1302030199000001,完好,118.1803,39.6305,\n"


def run(app: object, *arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))  # pyright: ignore[reportArgumentType]  # a typer app
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def test_a_component_of_a_citys_own_class_is_imported_and_seen(
    city: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", city)
    monkeypatch.setenv("CITYGRID_CATALOGUE_DIR", str(own_catalogue.write(tmp_path / "own")))
    file = tmp_path / "survey.csv"
    file.write_text(SURVEY, encoding="utf-8")

    said = run(components.app, "import", str(file))
    assert "loaded 1 (1 new" in said
    assert "code_unknown_class" in said, "0199 is an extension of Tangshan's, not of this city's"
    issued = run(codes.app, "issue", "--district", "130203", "--class", "0198", "--reason", "new street")
    assert issued.split() == ["1302030198000002"]

    with (
        serving(city) as address,
        httpx2.Client(base_url=f"{address}/api/v1", headers=signed_in(address), timeout=60) as api,
    ):
        shown = api.get(f"/components/{CODE}").json()
        assert (shown["class_name_zh"], shown["competent"]["name_zh"]) == ("充电桩", "市发改委")
        assert "口袋公园" in {row["name_zh"] for row in api.get("/classes").json()["items"]}
        (mine,) = (row for row in api.get("/editions").json()["items"] if row["is_city"])
        assert (mine["edition"], mine["base"], mine["classes"]) == ("our-city-2024", "2013", 103)
        became = api.get("/editions/2007/successors").json()["items"]
        assert [row["to_code"] for row in became if row["from_code"] == "0117"] == ["0131"]
        asked = {"district_code": "130203", "class_code": "0598", "reason": "a park"}
        assert api.post("/codes", json=asked).json() == {"codes": ["1302030598000001"]}


def test_publishing_writes_the_classes_once_and_is_audited(
    city: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYGRID_DATABASE_URL", city)
    monkeypatch.setenv("CITYGRID_CATALOGUE_DIR", str(own_catalogue.write(tmp_path / "own")))
    done = [CliRunner().invoke(components.app, ["classes", "--publish"]) for _ in range(2)]
    assert [one.stderr for one in done] == [
        f"our-city-2024: {number} classes are new or changed\n" for number in (103, 0)
    ]
    (tmp_path / "own" / "classes.csv").write_text("class_code\n", encoding="utf-8")
    wrong = CliRunner().invoke(components.app, ["classes"])
    assert "it has to have class_code, name_zh" in str(wrong.exception)
