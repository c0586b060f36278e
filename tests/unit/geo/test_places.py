"""Cells, neighbours, areas, routes and pipes of a small city of squares, checked against what one sees on paper."""

import numpy as np
import pytest
import shapely

from core.places import CellKind
from geo.places import CityMap, CityPlaces, Links, Stand, cells
from tests.squares import BESIDE_DEG, city_of_squares, stand


def places(**kwargs: object) -> CityPlaces:
    return CityPlaces(city_of_squares(), stand([(0, 0), (0.2, 0), (1, 0), (5, 5)], **kwargs))


def test_devices_are_in_the_grids_they_are_registered_in() -> None:
    assert places().cell_of(CellKind.UNIT_GRID).tolist() == [1, 1, 2, 0]
    assert places().cell_of(CellKind.PATROL_GRID).tolist() == [101, 101, 101, 0]


def test_a_cell_is_found_by_its_code_and_gives_it_back() -> None:
    assert places().cell_named(CellKind.UNIT_GRID, "U2") == 2
    assert places().code_of(CellKind.UNIT_GRID, 2) == "U2"
    assert places().cell_named(CellKind.UNIT_GRID, "nowhere") == 0
    assert places().code_of(CellKind.UNIT_GRID, 99) == ""


def test_grids_touch_by_a_side_or_a_corner() -> None:
    assert places().adjacent(CellKind.UNIT_GRID, 1) == (2, 4, 5)
    assert places().adjacent(CellKind.UNIT_GRID, 5) == (1, 2, 3, 4, 6, 7, 8, 9)


def test_the_union_of_two_grids_is_one_polygon_of_both() -> None:
    union = shapely.from_wkb(places().union(CellKind.UNIT_GRID, (1, 2)))

    assert union.geom_type == "Polygon"
    assert union.area == pytest.approx(2 * BESIDE_DEG**2)
    assert places().union(CellKind.UNIT_GRID, (99,)) is None


def test_neighbours_are_of_the_same_profile_within_the_radius_nearest_first() -> None:
    near = CityPlaces(
        city_of_squares(), stand([(0, 0), (0.2, 0), (0.1, 0), (5, 5), (0.01, 0)], profile=[0, 0, 0, 0, 1])
    ).neighbours_of(60)

    assert near.of(0).tolist() == [2, 1]
    assert near.of(3).tolist() == []
    assert near.of(4).tolist() == []


def test_within_a_radius_every_profile_counts_and_the_device_itself() -> None:
    assert places(profile=[0, 1, 0, 0]).within_m(0, 60).tolist() == [0, 1]
    assert places().within_m(3, 60).tolist() == [3]


def test_a_position_is_inside_an_area_outside_or_unknown() -> None:
    city = places()
    lon = np.array([118.0, 118.1, np.nan])
    lat = np.array([39.0, 39.1, 39.0])

    assert city.inside("park", lon, lat).tolist() == pytest.approx([1, 0, np.nan], nan_ok=True)
    assert np.isnan(city.inside("unheard_of", lon, lat)).all()


def test_off_route_is_the_distance_from_the_own_line() -> None:
    city = places(route={0: "1"})
    away = city.off_route_m(np.array([0, 0, 1], np.int32), np.array([118.0, 118.0, 118.0]), np.array([39, 39.001, 39]))

    assert away[0] == pytest.approx(0, abs=0.5)
    assert away[1] == pytest.approx(111, abs=1)
    assert np.isnan(away[2])


def test_a_device_stands_on_the_nearest_street_within_reach() -> None:
    assert places().cell_of(CellKind.STREET).tolist() == [1, 1, 1, 0]


def test_lamps_of_a_cabinet_are_one_circuit_and_the_cabinet_is_on_it() -> None:
    circuits = CityMap(circuits=Links(upstream=np.array([7, 7, 8], np.int32), downstream=np.array([1, 2, 3], np.int32)))
    city = CityPlaces(circuits, stand([(0, 0)] * 5, component=[1, 2, 3, 7, 0]))

    assert city.cell_of(CellKind.CIRCUIT).tolist() == [7, 7, 8, 7, 0]


def test_a_run_of_pipe_bears_its_lowest_number_and_flows_one_way() -> None:
    pipes = Links(upstream=np.array([5, 3, 9], np.int32), downstream=np.array([3, 4, 8], np.int32))
    points = cells(
        [(key, str(key), shapely.to_wkb(shapely.Point(118 + at / 1000, 39))) for at, key in enumerate((5, 3, 4, 9, 8))]
    )
    city = CityPlaces(CityMap(pipes=pipes, components=points), stand([(0, 0)] * 5, component=[3, 4, 5, 8, 0]))

    assert city.cell_of(CellKind.PIPE).tolist() == [3, 3, 3, 8, 0]
    assert city.downstream_of(0).tolist() == [0, 1]
    assert city.downstream_of(2).tolist() == [0, 1, 2]
    assert city.downstream_of(4).tolist() == [4]
    run = shapely.from_wkb(city.geometry(CellKind.PIPE, 3))
    assert run.length == pytest.approx(0.002)


def test_a_device_in_two_areas_counts_in_the_one_with_the_lowest_number() -> None:
    assert places().cell_of(CellKind.AREA).tolist() == [1, 1, 0, 0]


def test_a_city_without_geometry_answers_with_nothing() -> None:
    city = CityPlaces(CityMap(), Stand(**{**_plain(), "route": {}}))

    assert [city.cell_of(kind).tolist() for kind in CellKind if kind is not CellKind.UNIT_GRID] == [[0]] * 5
    assert city.neighbours_of(100).of(0).tolist() == []
    assert city.adjacent(CellKind.UNIT_GRID, 1) == ()
    assert city.geometry(CellKind.PIPE, 1) is None
    assert city.area_m2(CellKind.STREET, 1) == 0
    assert city.hull(np.array([np.nan]), np.array([np.nan])) is None


def test_what_spans_devices_is_a_point_a_line_or_an_area() -> None:
    spans = [
        shapely.from_wkb(places().hull(np.array(lon, float), np.array(lat, float))).geom_type
        for lon, lat in (([1, 1], [2, 2]), ([1, 2], [2, 2]), ([1, 2, 1], [2, 2, 3]))
    ]

    assert spans == ["Point", "LineString", "Polygon"]


def _plain() -> dict[str, object]:
    one = stand([(0, 0)])
    return {name: getattr(one, name) for name in ("lon_deg", "lat_deg", "profile", "unit_grid_id", "component_id")}
