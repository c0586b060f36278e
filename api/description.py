"""Completes the OpenAPI description that FastAPI derives: problems on every operation, examples, what tags mean."""

from collections.abc import Mapping
from typing import Any

from api.examples import ANSWERS, COMMANDS
from api.problems import MEDIA_TYPE, Problem

SUMMARY = "Sensors on street furniture, incidents on the city's grid."
TEXT = """
Coordinates are WGS 84, longitude before latitude. Times are RFC 3339 in UTC; a reading's time is when it was measured.
Lists page by an opaque `cursor`: pass the `next` of one page to get the following one. An unknown query parameter is
refused. Every error is a problem after RFC 9457 whose `type` leads to its explanation.
"""
TAGS = {
    "catalogue": "Classes of components, by edition, and their codes.",
    "ownership": "Units that answer for components (确权), what is unclear, and what it does to dispatch.",
    "surveys": "Files of components that were imported, and what was found in them.",
    "components": "Surveyed components (部件) of the city.",
    "devices": "Devices with a radio, mounted on components or moving.",
    "readings": "What devices measured.",
    "events": "What devices said that is no number: detections, states, events of their life.",
    "grids": "Unit grids (单元网格), patrol grids (巡查网格) and administrative areas.",
    "incidents": "Incidents (案件) and what people do with them.",
    "evaluation": "Figures of a period: how many in time, reworked, overdue; how well devices report.",
    "rules": "The rules in force, and their versions.",
    "silences": "What people want held back for a time, and the cases that were.",
    "notices": "Who was told of what, and what could not be told.",
    "dead letters": "Messages that could not be accepted, and why.",
    "live": "The city as it happens.",
    "public": "What citizens see: no account, other sites may read it.",
    "search": "What a few letters or digits may mean.",
    "summary": "The city in counts.",
    "tiles": "Mapbox vector tiles.",
    "exports": "Layers as files: GeoPackage, GeoJSON, CSV, GeoParquet.",
    "ogc": "OGC API - Features and Tiles, for geographic information systems.",
    "people": "Signing in, one's own account, everybody's accounts, and the log of what was done.",
    "health": "For machines that watch this one.",
}


def describe(schema: dict[str, Any]) -> dict[str, Any]:
    """Give `schema` completed."""
    schema["info"].update(
        {
            "summary": SUMMARY,
            "description": TEXT.strip(),
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        }
    )
    schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    schemas = schema["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for operations in schema["paths"].values():
        for operation in operations.values():
            _complete(operation)
    return schema


def _complete(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if name in ANSWERS:
        _exemplify(responses["201" if "201" in responses else "200"]["content"], ANSWERS[name])
    if name in COMMANDS:
        _exemplify(operation["requestBody"]["content"], COMMANDS[name])


def _exemplify(content: dict[str, Any], example: object) -> None:
    for media in content.values():
        fields: Mapping[str, object] = {"example": media.get("example", example)}
        media.update(fields)
