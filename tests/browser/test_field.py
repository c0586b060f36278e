"""Registration in the street in real Chromium, as on a phone: touch, 360 px, a position, a network that goes away."""

import asyncio
import io
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import psycopg
import pytest
import segno
from playwright.sync_api import Browser, BrowserContext, Geolocation, Page, Route, expect
from playwright.sync_api import TimeoutError as TooLate
from psycopg import conninfo

from runtime.ingest_process import follow_registry
from runtime.settings import Settings
from tests.browser import city, session
from tests.browser.conftest import Api
from tests.conftest import Cluster, create_database, drop_database
from tests.running_ingest import Running, now
from wire import broker as broker_address

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(240)]

expect.set_options(timeout=20_000)
WAIT_MS = 20_000
HERE: Geolocation = {"longitude": 118.19, "latitude": 39.641, "accuracy": 6}
COVERS = [f"1302030102000{number}" for number in range(101, 113)]
LAMP = "1302030137000101"
STREET = """
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, owner_dept_id, unit_grid_id,
                       data_source, geom)
SELECT '1302030102' || lpad(n::text, 6, '0'), 'test', '0102', '130203', '污水井盖', 'intact', 1, 3, 'test',
       ST_SetSRID(ST_MakePoint(118.19 + 0.0001 * (n - 101), 39.641), 4326)
FROM generate_series(101, 112) AS n;
INSERT INTO component (code, catalogue_id, class_code, district_code, name, state, owner_dept_id, unit_grid_id,
                       data_source, geom)
VALUES ('1302030137000101', 'test', '0137', '130203', '路灯', 'intact', 1, 3, 'test',
        ST_SetSRID(ST_MakePoint(118.19005, 39.6411), 4326));
"""


@dataclass(frozen=True, slots=True)
class Street:
    """A city with a row of covers, its API, and who may register there."""

    database: str
    api: Api


@pytest.fixture(scope="module")
def street(cluster: Cluster, template_database: str, console: Path) -> Iterator[Street]:
    name = create_database(cluster, template_database)
    database = conninfo.make_conninfo(cluster.database_url, dbname=name)
    city.build(database)
    city.sql(database, STREET)
    api = Api(database, console)
    api.start()
    yield Street(database, api)
    api.stop()
    drop_database(cluster, name)


Phone = Callable[..., Page]


@pytest.fixture
def phone(browser: Browser, street: Street) -> Iterator[Phone]:
    """Open `/field` on a phone of 360 px, signed in as an engineer of the district."""
    contexts: list[BrowserContext] = []

    def go(query: str = "", *, lang: str = "en", grant: str = "engineer@130203", accuracy: float = 6) -> Page:
        context = browser.new_context(
            viewport={"width": 360, "height": 740},
            has_touch=True,
            is_mobile=True,
            geolocation={**HERE, "accuracy": accuracy},
            permissions=["geolocation"],
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            color_scheme="dark",
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        session.sign_in(street.database, street.api.address, context, f"e{uuid.uuid4().hex[:8]}", grant)
        page = context.new_page()
        page.goto(f"{street.api.address}/field?lang={lang}{query}")
        return page

    yield go
    for context in contexts:
        context.close()


def name_it(page: Page, label: str) -> None:
    page.get_by_label("Device label").fill(label)
    page.get_by_role("button", name="Next", exact=True).tap()


def pick(page: Page, code: str) -> None:
    page.locator(f"[data-code='{code}']").tap()
    page.get_by_role("button", name="Next", exact=True).tap()


def register(page: Page, label: str, code: str) -> None:
    name_it(page, label)
    pick(page, code)
    page.get_by_role("button", name="Register", exact=True).tap()


def refusal(page: Page, reason: str):
    found = page.locator(f"[data-reason='{reason}']")
    expect(found).to_be_visible()
    return found


def value(street: Street, query: str) -> object:
    with psycopg.connect(street.database) as conn:
        row = conn.execute(query).fetchone()  # pyright: ignore[reportCallIssue, reportArgumentType]
        assert row
        return row[0]


def state_of(street: Street, label: str) -> object:
    return value(street, f"SELECT (SELECT state FROM device WHERE label = '{label}')")


@pytest.fixture
def ingest(street: Street, broker: str) -> Iterator[None]:
    """The real ingest, beside the test."""
    started, done = threading.Event(), threading.Event()

    async def carry() -> None:
        running = Running(broker, street.database, f"field-{uuid.uuid4().hex[:8]}")
        following = asyncio.create_task(follow_registry(Settings(database_url=street.database), running.keeper))
        await running.carrying()
        started.set()
        await asyncio.to_thread(done.wait)
        following.cancel()
        await running.kill()

    thread = threading.Thread(target=lambda: asyncio.run(carry()))
    thread.start()
    assert started.wait(30)
    yield
    done.set()
    thread.join()


def publish(broker: str, label: str, seq: int, **values: float) -> None:
    """Be the device: say something over MQTT."""

    async def say() -> None:
        where = broker_address.parse(broker)
        async with aiomqtt.Client(
            where.host,
            where.port,
            username=where.username,
            password=where.password,
            protocol=aiomqtt.ProtocolVersion.V5,
        ) as client:
            body = {"ts": int(now().timestamp() * 1000), "seq": seq, "values": values}
            await client.publish(f"citygrid/v1/130203/manhole/{label}/telemetry", json.dumps(body), qos=1)

    city.run(say())


@pytest.mark.usefixtures("ingest")
def test_a_device_is_registered_in_the_street_and_its_first_reading_arrives(
    phone: Phone, street: Street, broker: str
) -> None:
    page = phone()
    name_it(page, "MC-NEW-1")
    expect(page.get_by_text("Position ±6.0 m")).to_be_visible()
    expect(page.locator(".near").first).to_contain_text(re.compile(r"000101.*0\.0 m", re.DOTALL))
    pick(page, COVERS[0])
    expect(page.get_by_role("radio", name="Smart manhole cover")).to_be_checked()
    page.get_by_label("initial angle").fill("200")
    page.get_by_role("button", name="Register", exact=True).tap()
    expect(page.get_by_role("alert")).to_contain_text("initial angle must be between 0 and 180")
    page.get_by_label("initial angle").fill("1.5")
    page.get_by_role("button", name="Register", exact=True).tap()
    expect(page.get_by_text("MC-NEW-1 is registered")).to_be_visible()
    expect(page.get_by_text("Waiting for the first reading")).to_be_visible()

    reading = page.get_by_test_id("first-reading")
    for seq in range(10):  # what it says before ingest knows it is not kept: it says it again
        publish(broker, "MC-NEW-1", seq, tilt_deg=1.4, battery_pct=97)
        with suppress(TooLate):
            reading.wait_for(timeout=2_000)
            break
    expect(reading).to_contain_text("1.4°")
    expect(reading).to_contain_text("97%")
    assert value(street, "SELECT install FROM device WHERE label = 'MC-NEW-1'") == {"initial_angle_deg": 1.5}
    assert state_of(street, "MC-NEW-1") == "commissioned"
    page.get_by_role("button", name="Put into service").tap()
    expect(page.get_by_text("In service: rules look")).to_be_visible()
    assert state_of(street, "MC-NEW-1") == "in_service"
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [360, 360]


def test_what_to_do_is_said_while_no_reading_comes(phone: Phone) -> None:
    page = phone()
    page.clock.install()
    register(page, "MC-QUIET", COVERS[1])
    expect(page.get_by_text("Waiting for the first reading")).to_be_visible()
    page.clock.fast_forward(20_000)
    expect(page.get_by_test_id("advice")).to_contain_text("woken with a magnet")


def test_the_label_is_read_from_a_photo_of_its_code(phone: Phone) -> None:
    page = phone(lang="zh")
    picture = io.BytesIO()
    segno.make("http://city.example/field?label=MC-PHOTO-7", error="m").save(picture, kind="png", scale=8, border=6)
    page.locator("input[type=file]").set_input_files(
        {"name": "label.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    expect(page.get_by_role("heading", name="它装在哪个部件上？")).to_be_visible()
    page.get_by_role("button", name="上一步").tap()
    expect(page.get_by_label("设备标签")).to_have_value("MC-PHOTO-7")


def test_the_code_on_a_label_opens_the_page_with_it(phone: Phone) -> None:
    page = phone("&label=MC-LINK-1")

    expect(page.get_by_label("Device label")).to_have_value("MC-LINK-1")


def test_a_bad_position_is_explained_and_can_be_put_right_on_the_map(phone: Phone) -> None:
    page = phone(accuracy=80)
    name_it(page, "MC-BAD-POS")
    warning = page.get_by_role("alert").filter(has_text="The position is uncertain (±80 m)")
    expect(warning).to_contain_text("drag the blue mark")
    mark = page.locator(".here-mark")
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y, steps=5)
    page.mouse.up()
    expect(page.get_by_text("Position set by you on the map")).to_be_visible()
    expect(warning).to_have_count(0)


def test_without_leave_to_know_the_position_it_says_what_to_do(phone: Phone) -> None:
    page = phone()
    page.context.clear_permissions()
    page.reload()
    name_it(page, "MC-NO-POS")
    expect(page.get_by_role("alert").filter(has_text="The position is not allowed")).to_be_visible()


def test_an_occupied_component_names_its_device_which_can_be_replaced(phone: Phone, street: Street) -> None:
    page = phone()
    register(page, "MC-OLD", COVERS[2])
    page.get_by_role("button", name="Next device").tap()
    name_it(page, "MC-FRESH")
    pick(page, COVERS[2])
    expect(page.get_by_text("carries MC-OLD of the same type already")).to_be_visible()
    expect(page.get_by_role("button", name="Register", exact=True)).to_be_disabled()
    page.get_by_label("Take MC-OLD down").tap()
    page.get_by_role("button", name="Register", exact=True).tap()
    expect(page.get_by_text("It replaces MC-OLD.")).to_be_visible()
    assert (state_of(street, "MC-OLD"), state_of(street, "MC-FRESH")) == ("replaced", "installed")


def test_a_wrong_class_is_explained_with_the_types_that_fit(phone: Phone) -> None:
    page = phone()
    name_it(page, "MC-LAMP")
    pick(page, LAMP)
    page.get_by_text("Types that do not fit this class").tap()
    page.get_by_role("radio", name="Smart manhole cover").tap()
    page.get_by_role("button", name="Register", exact=True).tap()
    told = refusal(page, "wrong_class")
    expect(told).to_contain_text("cannot stand on: Street light")
    told.get_by_role("button", name="Choose another type").tap()
    page.get_by_role("radio", name=re.compile("treetlight|lamp", re.IGNORECASE)).first.tap()
    page.get_by_role("button", name="Register", exact=True).tap()
    expect(page.get_by_text("MC-LAMP is registered")).to_be_visible()


def test_a_registered_label_says_where_it_is(phone: Phone) -> None:
    page = phone()
    register(page, "MC-TWICE", COVERS[3])
    page.get_by_role("button", name="Next device").tap()
    register(page, "MC-TWICE", COVERS[4])
    told = refusal(page, "already_registered")
    expect(told).to_contain_text(f"It is on Sewage manhole cover {COVERS[3]}")
    told.get_by_role("button", name="Correct the label").tap()
    name_it(page, "MC-TWICE-B")
    page.get_by_role("button", name="Next", exact=True).tap()
    page.get_by_role("button", name="Register", exact=True).tap()
    expect(page.get_by_text("MC-TWICE-B is registered")).to_be_visible()


def test_a_far_component_is_refused_until_the_person_insists(phone: Phone, street: Street) -> None:
    page = phone()
    name_it(page, "MC-FAR")
    page.locator(f"[data-code='{COVERS[5]}']").tap()
    page.context.set_geolocation({**HERE, "longitude": 118.192})
    page.get_by_role("button", name="Next", exact=True).tap()
    expect(page.get_by_text("check that it is the right one")).to_be_visible()
    page.get_by_role("button", name="Register", exact=True).tap()
    told = refusal(page, "far_from_component")
    expect(told).to_contain_text(re.compile(r"You are 1\d\d m from"))
    told.get_by_role("button", name="register anyway").tap()
    expect(page.get_by_text("MC-FAR is registered")).to_be_visible()
    assert value(street, "SELECT detail->'insists' FROM street_registration WHERE label = 'MC-FAR'") == [
        "far_from_component"
    ]


def test_a_component_outside_the_engineers_area_is_explained(phone: Phone, street: Street) -> None:
    page = phone()
    name_it(page, "MC-AREA")
    page.locator(f"[data-code='{COVERS[6]}']").tap()
    page.get_by_role("button", name="Next", exact=True).tap()
    city.sql(street.database, "UPDATE account_grant SET area_code = '130202' WHERE role = 'engineer'")
    page.wait_for_timeout(2_500)  # a grant counts for two seconds more
    page.get_by_role("button", name="Register", exact=True).tap()
    expect(refusal(page, "out_of_area")).to_contain_text("ask an administrator to widen your area")
    city.sql(street.database, "UPDATE account_grant SET area_code = '130203' WHERE role = 'engineer'")


def test_without_a_network_it_opens_waits_and_sends_later(phone: Phone, street: Street) -> None:
    page = phone()
    page.evaluate("navigator.serviceWorker.ready")
    name_it(page, "MC-WARM")
    expect(page.locator(".near").first).to_contain_text("000101")
    page.get_by_role("button", name="Next", exact=True).is_disabled()
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.context.set_offline(True)

    page.reload()
    for number, cover in ((1, COVERS[7]), (2, COVERS[8])):
        name_it(page, f"MC-OFF-{number}")
        expect(page.get_by_text("as this phone kept them")).to_be_visible()
        pick(page, cover)
        page.get_by_role("button", name="Register", exact=True).tap()
        expect(page.get_by_text(f"MC-OFF-{number} is kept on this phone")).to_be_visible()
        page.get_by_role("button", name="Next device").tap()
    expect(page.get_by_test_id("queue").locator(".queue-row")).to_have_count(2)
    assert state_of(street, "MC-OFF-1") is None

    page.context.set_offline(False)
    expect(page.get_by_test_id("queue")).to_have_count(0)
    labels = "SELECT array_agg(label ORDER BY at) FROM street_registration WHERE label LIKE 'MC-OFF-%'"
    assert value(street, labels) == ["MC-OFF-1", "MC-OFF-2"]


def test_a_conflict_found_later_is_shown_with_choices(phone: Phone, street: Street) -> None:
    page = phone()
    name_it(page, "MC-LATE")
    page.locator(f"[data-code='{COVERS[9]}']").tap()
    page.context.set_offline(True)
    page.get_by_role("button", name="Next", exact=True).tap()
    page.get_by_role("button", name="Register", exact=True).tap()
    expect(page.get_by_text("MC-LATE is kept on this phone")).to_be_visible()
    page.get_by_role("button", name="Next device").tap()
    other = phone()
    register(other, "MC-FASTER", COVERS[9])
    expect(other.get_by_text("MC-FASTER is registered")).to_be_visible()

    page.context.set_offline(False)
    told = refusal(page, "occupied")
    expect(told).to_contain_text("carries MC-FASTER already")
    expect(page.get_by_test_id("queue")).to_contain_text("needs your decision")
    told.get_by_role("button", name="Replace MC-FASTER").tap()
    expect(page.get_by_test_id("queue")).to_have_count(0)
    assert (state_of(street, "MC-LATE"), state_of(street, "MC-FASTER")) == ("installed", "replaced")


def test_a_lost_answer_does_not_register_twice(phone: Phone, street: Street) -> None:
    page = phone()
    lost = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/devices", lose)
    register(page, "MC-ONCE", COVERS[10])
    expect(page.get_by_text("MC-ONCE is kept on this phone")).to_be_visible()
    page.get_by_role("button", name="Next device").tap()
    page.get_by_role("button", name="Try now").tap()
    expect(page.get_by_test_id("queue")).to_have_count(0)
    assert lost == [201]
    assert value(street, "SELECT count(*) FROM device WHERE label = 'MC-ONCE'") == 1
