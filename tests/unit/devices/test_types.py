"""Device types as data: what a file may say, what it converts, and what an installer may note."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from core.errors import InvalidInput
from devices import installing
from devices.model import Registration
from devices.profile import SHIPPED, parse, schema, shipped
from devices.typelint import findings

TEN = {
    "manhole_cover", "streetlight", "lighting_cabinet", "bus", "camera", "road_water", "dust_monitor", "noise_monitor",
    "litter_bin", "hydrant",
}  # fmt: skip
WELL = """
profile = "well"
version = 1
kind = "well"
name_zh = "水井"
name_en = "Well"
interval_s = 3600
sentinels = [65535]
classes = ["0102"]

[[channel]]
name = "depth_m"
unit = "m"
min = 0
max = 30
name_zh = "深度"
name_en = "depth"
sent = {unit = "cm", scale = 0.5, offset = -20}

[[install]]
name = "height_m"
unit = "m"
min = 0
max = 5
default = 1.5
name_zh = "高"
name_en = "height"
"""


def test_the_ten_types_are_shipped_and_nothing_is_wrong_with_any() -> None:
    types = shipped()
    assert types.keys() >= TEN
    others = {name: {key: it for key, it in types.items() if key != name} for name in types}
    assert [said for name, it in types.items() for said in findings(it, others[name])] == []


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_file_is_as_the_schema_says(file: Path) -> None:
    jsonschema.validate(tomllib.loads(file.read_text(encoding="utf-8")), schema())


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = Path("docs/schemas/device-type.schema.json").read_text(encoding="utf-8")
    assert json.loads(published) == json.loads(json.dumps(schema()))


def test_a_channel_is_converted_from_what_is_sent_and_so_are_its_sentinels() -> None:
    (depth,) = parse(WELL, "well.toml").channels

    assert depth.line == pytest.approx((0.005, -0.2))
    assert depth.sentinels == pytest.approx((65535 * 0.005 - 0.2,))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit = "cm"', 'unit = "kg"', "depth_m: kg cannot become m"),
        ("scale = 0.5", "scale = 0", "scale must not be 0"),
        ("default = 1.5", "default = 9", "the default is outside 0 to 5"),
        ("max = 5", "max = 0", "install height_m: min must be below max"),
    ],
)
def test_a_wrong_conversion_or_parameter_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse(WELL.replace(old, new, 1), "well.toml")


def test_what_an_installer_notes_is_checked_and_completed() -> None:
    types = {"well": parse(WELL, "well.toml")}

    def row(**install: object) -> Registration:
        return Registration(label="W-1", profile="well", install=install)

    assert installing.complete(row(tags=["school"]), types) == {"height_m": 1.5, "tags": ["school"]}
    assert installing.fault(row(height_m=2), types) == ""
    assert installing.fault(row(height_m=7), types) == "height_m = 7 m is outside 0 to 5"
    assert "must be a number in m" in installing.fault(row(height_m="tall"), types)
    assert "must be a number in m" in installing.fault(row(height_m=True), types)


def test_lint_names_what_a_file_may_say_but_cannot_be_right() -> None:
    wrong = parse(
        WELL.replace('kind = "well"', 'kind = "manhole"')
        .replace('classes = ["0102"]', "classes = []")
        .replace('name = "depth_m"\nunit = "m"', 'name = "water_m"\nunit = "cubit"')
        .replace('sent = {unit = "cm", scale = 0.5, offset = -20}', ""),
        "well.toml",
    )
    said = "\n".join(findings(wrong, shipped()))
    for fault in ("kind manhole is that of manhole_cover", "component classes, or it moves", "nobody knows the unit",
                  "water_m is in cubit here and in m for manhole_cover"):  # fmt: skip
        assert fault in said
