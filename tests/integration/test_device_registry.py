"""Registering devices in a real database: each bad row says why, the good rows are kept."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import psycopg
import pytest

from core.errors import Conflict, NotFound
from devices import service
from devices.life import State
from devices.model import Change, Move, Registration
from devices.profile import Profile, shipped
from ingest import load_directory
from ingest.directory import Directory
from tests import small_city

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def city(database: str) -> str:
    small_city.build(database)
    return database


async def move(conn: psycopg.AsyncConnection, label: str, to: State, reason: str) -> None:
    await service.move(conn, Move(label=label, to=to), shipped(), Change(now=NOW, actor="li", reason=reason))


async def register(city: str, *rows: Registration) -> tuple[int, list[tuple[int, str, str]]]:
    async with await psycopg.AsyncConnection.connect(city) as conn:
        count, findings = await service.register_many(conn, rows, shipped(), now=NOW, actor="test")
    return count, [(finding.line, finding.column, finding.reason) for finding in findings]


async def test_a_cover_stands_where_its_component_stands(city: str) -> None:
    count, findings = await register(city, *small_city.covers(1))

    assert (count, findings) == (1, [])
    with psycopg.connect(city) as conn:
        row = conn.execute("SELECT unit_grid_id, ST_X(geom), state FROM device").fetchone()
    assert row == (2, 118.1875, "in_service")


async def test_a_bus_is_located_by_its_position(city: str) -> None:
    await register(city, small_city.bus())

    with psycopg.connect(city) as conn:
        assert conn.execute("SELECT unit_grid_id, component_id FROM device").fetchone() == (1, None)


async def test_each_bad_row_says_why_and_the_good_ones_are_kept(city: str) -> None:
    await register(city, *small_city.covers(1))
    (good,) = small_city.covers(1, first=2)

    def wrong(number: int, **changes: object) -> Registration:
        (row,) = small_city.covers(1, first=number)
        return replace(row, **changes)  # pyright: ignore[reportArgumentType]

    count, findings = await register(
        city,
        good,
        *small_city.covers(1),
        wrong(3, label="no spaces"),
        wrong(4, label=good.label),
        wrong(5, profile="submarine"),
        wrong(6, component_code="1302030102999999"),
        wrong(7, profile="streetlight"),
        wrong(8, component_code="1302030102000001"),
        wrong(9, component_code=good.component_code),
        wrong(10, component_code=""),
        Registration(label="BUS-9", profile="bus", district_code="130203"),
        wrong(12, lon_deg=500, lat_deg=39.6),
        wrong(13, interval_s=0),
    )

    assert count == 1
    assert findings == [
        (2, "label", "already_registered"),
        (3, "label", "bad_label"),
        (4, "label", "duplicate_in_file"),
        (5, "profile", "unknown_profile"),
        (6, "component_code", "unknown_component"),
        (7, "component_code", "wrong_class"),
        (8, "component_code", "occupied"),
        (9, "component_code", "occupied"),
        (10, "component_code", "needs_component"),
        (11, "lon_deg", "needs_position"),
        (12, "lon_deg", "bad_position"),
        (13, "interval_s", "bad_interval"),
    ]


async def test_an_address_is_stored_as_its_format_writes_it(city: str) -> None:
    (cover,) = small_city.covers(1)
    named = replace(cover, format="chirpstack", address="24-E1-24-71-3D-11-11-11", codec="milesight_em320_tilt")

    count, findings = await register(city, named)

    assert (count, findings) == (1, [])
    with psycopg.connect(city) as conn:
        row = conn.execute("SELECT format, address, codec FROM device").fetchone()
    assert row == ("chirpstack", "24e124713d111111", "milesight_em320_tilt")


async def test_each_bad_address_says_why(city: str) -> None:
    def speaking(number: int, form: str, address: str = "", codec: str = "") -> Registration:
        (row,) = small_city.covers(1, first=number)
        return replace(row, format=form, address=address, codec=codec)

    count, findings = await register(
        city,
        speaking(1, "chirpstack", "24e124713d111111"),
        speaking(2, "morse"),
        speaking(3, "chirpstack", "no devEUI"),
        speaking(4, "native", "MC-5"),
        speaking(5, "chirpstack", "24e124713d111112", "unknown"),
        speaking(6, "sparkplug", "group/node/device", "milesight_em320_tilt"),
        speaking(7, "chirpstack", "24E124713D111111"),
        replace(small_city.bus(), format="chirpstack", address="24e124713d111113", codec="milesight_em500_swl"),
        speaking(8, "things_stack", "24e124713d111111"),
    )

    assert count == 2
    assert findings == [
        (2, "format", "unknown_format"),
        (3, "address", "bad_address"),
        (4, "address", "bad_address"),
        (5, "codec", "unknown_codec"),
        (6, "codec", "unknown_codec"),
        (7, "address", "address_taken"),
        (8, "codec", "unknown_codec"),
    ]


async def test_a_radio_goes_to_another_device_once_the_former_is_retired(city: str) -> None:
    first, second = (replace(row, format="chirpstack", address="24e124713d111111") for row in small_city.covers(2))
    await register(city, first)

    assert (await register(city, second))[1] == [(1, "address", "address_taken")]
    async with await psycopg.AsyncConnection.connect(city) as conn:
        await move(conn, "MC-1", State.RETIRED, "moved")
    assert (await register(city, second))[0] == 1

    directory = await snapshot(city)
    slot = directory.slot_of("chirpstack", "24e124713d111111")
    assert slot is not None
    assert directory.fleet.label[slot] == "MC-2"


async def test_the_snapshot_finds_devices_by_the_name_their_format_gives_them(city: str) -> None:
    native, radio = small_city.covers(2)
    await register(
        city, native, replace(radio, format="chirpstack", address="24e124713d111111", codec="milesight_em320_tilt")
    )

    directory = await snapshot(city)

    slots = {label: slot for slot, label in enumerate(directory.fleet.label)}
    assert directory.by_address == {("chirpstack", "24e124713d111111"): slots["MC-2"]}
    assert directory.uplink_codec == {slots["MC-2"]: "milesight_em320_tilt"}
    assert directory.slot_of("senml", "MC-1") == slots["MC-1"]
    assert directory.slot_of("things_stack", "24e124713d111111") is None


async def snapshot(city: str) -> Directory:
    async with await psycopg.AsyncConnection.connect(city) as conn:
        return await load_directory.load(conn, shipped(), None)


async def test_the_life_cycle_is_kept_in_history_and_audit(city: str) -> None:
    await register(city, *small_city.covers(1))
    async with await psycopg.AsyncConnection.connect(city) as conn:
        await move(conn, "MC-1", State.RETIRED, "stolen")
        with pytest.raises(Conflict, match="at its end"):
            await move(conn, "MC-1", State.IN_SERVICE, "found")
        with pytest.raises(NotFound, match="no device MC-2"):
            await move(conn, "MC-2", State.RETIRED, "lost")

    with psycopg.connect(city) as conn:
        events = conn.execute("SELECT kind, actor FROM device_event ORDER BY at, kind").fetchall()
        audit = conn.execute("SELECT action, subject, detail FROM audit ORDER BY audit_id DESC LIMIT 1").fetchone()
    assert sorted(events) == [("registered", "test"), ("retired", "li")]
    assert audit == ("device_retired", "MC-1", {"reason": "stolen"})


async def test_channels_may_be_appended_but_never_reordered(city: str) -> None:
    bus = shipped()["bus"]
    reordered = Profile(
        **{name: getattr(bus, name) for name in Profile.__dataclass_fields__} | {"channels": bus.channels[::-1]}
    )
    async with await psycopg.AsyncConnection.connect(city) as conn:
        await service.publish_profiles(conn, shipped())
        await service.publish_profiles(conn, shipped())
        with pytest.raises(Conflict, match="bus: channels were reordered"):
            await service.publish_profiles(conn, {"bus": reordered})


async def test_an_appended_channel_has_its_version_and_a_process_of_before_leaves_it_alone(city: str) -> None:
    bus = shipped()["bus"]
    more = replace(bus, version=2, channels=(*bus.channels, msgspec.structs.replace(bus.channels[0], name="extra")))
    async with await psycopg.AsyncConnection.connect(city) as conn:
        await service.publish_profiles(conn, {"bus": bus})
        await service.publish_profiles(conn, {"bus": more})
        await service.publish_profiles(conn, {"bus": bus})
        since = "SELECT channel, since_version FROM profile_channel WHERE profile = 'bus' ORDER BY position"
        rows = await (await conn.execute(since)).fetchall()
        assert rows == [*((it.name, 1) for it in bus.channels), ("extra", 2)]
        with pytest.raises(Conflict, match="profile bus lacks extra, which readings hold"):
            await service.publish_profiles(conn, {"bus": replace(bus, version=3)})
        other_unit = msgspec.structs.replace(bus.channels[0], unit="rad")
        with pytest.raises(Conflict, match="another unit"):
            await service.publish_profiles(conn, {"bus": replace(more, channels=(other_unit, *more.channels[1:]))})


async def test_what_is_noted_at_installation_must_be_possible(city: str) -> None:
    (cover,) = small_city.covers(1)
    wrong = replace(cover, install={"initial_angle_deg": 400})

    assert await register(city, wrong) == (0, [(1, "install", "bad_install")])
    assert await register(city, replace(cover, install={"initial_angle_deg": 4, "route": "x"})) == (1, [])
