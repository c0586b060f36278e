"""Whether a device may be registered where somebody stands."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.errors import Refused
from devices.life import State
from devices.model import Registration
from devices.placing import Known, Listing, Place, Placing, Position, require
from devices.profile import shipped

ROW = Registration(label="MC-1", profile="manhole_cover", component_code="1302030102000001")
HERE = Position(lon_deg=118.18, lat_deg=39.64, accuracy_m=10)
PLACING = Placing(row=ROW, key="12345678", position=HERE)
PLACE = Place(class_code="0102", class_zh="污水井盖", class_en="Sewage manhole cover", distance_m=3)
KNOWN = Known(
    profile="manhole_cover",
    state=State.IN_SERVICE,
    component_code="1302030102000009",
    class_zh="污水井盖",
    class_en="Sewage manhole cover",
    lon=118.18,
    lat=39.64,
    registered_at=datetime(2026, 11, 1, tzinfo=UTC),
    registered_by="li",
)


def reason(
    placing: Placing = PLACING,
    known: Known | None = None,
    place: Place | None = PLACE,
    listing: Listing = Listing(),  # noqa: B008  # frozen
) -> str:
    with pytest.raises(Refused) as refused:
        require(placing, known, listing, place, shipped())
    return refused.value.reason


def test_what_fits_and_is_free_may_be_registered():
    require(PLACING, None, Listing(), PLACE, shipped())


@pytest.mark.parametrize(("distance_m", "refused"), [(109, False), (111, True)])
def test_a_component_may_be_as_far_as_the_position_is_uncertain_and_a_hundred_metres(distance_m: float, refused: bool):
    place = replace(PLACE, distance_m=distance_m)
    if refused:
        assert reason(place=place) == "far_from_component"
    else:
        require(PLACING, None, Listing(), place, shipped())


def test_who_insists_may_be_far():
    insisting = replace(PLACING, insists=frozenset({"far_from_component"}))

    require(insisting, None, Listing(), replace(PLACE, distance_m=500), shipped())


def test_nobody_can_insist_on_an_occupied_component_but_name_what_is_taken_down():
    occupied = replace(PLACE, occupant="MC-0")

    assert reason(replace(PLACING, insists=frozenset({"occupied"})), place=occupied) == "occupied"
    assert reason(replace(PLACING, replaces="MC-OTHER"), place=occupied) == "occupied"
    require(replace(PLACING, replaces="MC-0"), None, Listing(), occupied, shipped())


def test_the_wrong_class_comes_before_the_distance():
    assert reason(place=replace(PLACE, class_code="0137", distance_m=900)) == "wrong_class"


def test_where_nobody_may_go_nothing_more_is_told():
    assert reason(place=replace(PLACE, within_reach=False, occupant="MC-0")) == "out_of_area"


def test_only_what_was_taken_down_may_be_registered_again():
    assert reason(known=KNOWN) == "already_registered"
    assert reason(known=replace(KNOWN, state=State.RETIRED)) == "already_registered"
    assert reason(known=replace(KNOWN, state=State.REPLACED, profile="gully")) == "already_registered"
    require(PLACING, replace(KNOWN, state=State.REPLACED), Listing(), PLACE, shipped())


def test_while_a_batch_is_installed_a_label_should_be_in_one():
    assert reason(listing=Listing(expects=True)) == "not_in_batch"
    assert reason(listing=Listing(listed_as="streetlight")) == "other_type_in_batch"
    require(PLACING, None, Listing(expects=True, listed_as="manhole_cover"), PLACE, shipped())
    insisting = replace(PLACING, insists=frozenset({"not_in_batch"}))
    require(insisting, None, Listing(expects=True), PLACE, shipped())


def test_what_was_registered_at_a_desk_is_installed_where_it_was_to_stand():
    waiting = replace(KNOWN, state=State.REGISTERED, component_code=ROW.component_code)

    require(PLACING, waiting, Listing(), replace(PLACE, occupant="MC-1"), shipped())
    assert reason(known=replace(waiting, component_code="1302030102000002")) == "already_registered"
