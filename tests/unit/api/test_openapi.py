import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from api.app import describe_api

CHECKED_IN = Path(__file__).parents[3] / "openapi.json"
SCHEMA = describe_api()
OPERATIONS = {
    operation["operationId"]: operation for methods in SCHEMA["paths"].values() for operation in methods.values()
}
BINARY = {"get_component_tile", "get_grid_tile", "get_public_tile", "export_layer", "print_labels"}
SHEETS = {"register_devices_in_bulk", "import_survey", "import_grids"}


def test_the_checked_in_description_is_current():
    assert json.loads(CHECKED_IN.read_text(encoding="utf-8")) == SCHEMA, "run scripts/openapi and look at the diff"


def test_the_description_is_valid_openapi_3_1():
    assert SCHEMA["openapi"].startswith("3.1")
    validate(SCHEMA)


def test_every_operation_has_one_tag_that_is_explained_and_says_what_it_does():
    explained = {tag["name"] for tag in SCHEMA["tags"]}

    for name, operation in OPERATIONS.items():
        assert len(operation["tags"]) == 1, name
        assert operation["tags"][0] in explained, name
        assert operation["description"].endswith("."), name


def test_every_operation_can_answer_with_a_problem():
    for operation in OPERATIONS.values():
        content = operation["responses"]["default"]["content"]["application/problem+json"]

        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert "422" not in operation["responses"]


def _check(schema: dict[str, Any], example: object) -> None:
    jsonschema.Draft202012Validator({**schema, "components": SCHEMA["components"]}).validate(example)


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - BINARY))
def test_every_answer_has_an_example_that_fits_its_schema(name: str):
    responses = OPERATIONS[name]["responses"]
    for media in responses["201" if "201" in responses else "200"]["content"].values():
        _check(media["schema"], media["example"])


@pytest.mark.parametrize(
    "name", sorted(name for name in OPERATIONS if "requestBody" in OPERATIONS[name] and name not in SHEETS)
)
def test_every_body_has_an_example_that_fits_its_schema(name: str):
    for media in OPERATIONS[name]["requestBody"]["content"].values():
        _check(media["schema"], media["example"])
