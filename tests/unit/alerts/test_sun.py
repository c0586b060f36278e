from datetime import UTC, datetime, timedelta

import astral
import numpy as np
import pytest
from astral import sun as almanac

from alerts import sun


def elevation_deg(at: datetime, lon_deg: float, lat_deg: float) -> float:
    instants = np.array([round(at.timestamp() * 1e6)], dtype=np.int64)
    return float(sun.elevation_deg(instants, np.array([lon_deg]), np.array([lat_deg]))[0])


def test_the_sun_stands_where_the_solar_position_algorithm_of_nrel_has_its_example() -> None:
    at = datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC)

    # Reda and Andreas, "Solar Position Algorithm" (NREL/TP-560-34302), table A5.1: e0, seen from the ground
    assert elevation_deg(at, -105.1786, 39.742476) == pytest.approx(39.872046, abs=0.005)


@pytest.mark.parametrize(
    ("place", "lon_deg", "lat_deg", "sunrise", "sunset"),
    [
        # Published tables of the day, local time given with its offset; rounded to the minute.
        ("Beijing, solstice", 116.40, 39.90, "2024-06-21T04:46+08:00", "2024-06-21T19:46+08:00"),
        ("Beijing, winter", 116.40, 39.90, "2024-12-21T07:33+08:00", "2024-12-21T16:53+08:00"),
        ("London, solstice", -0.13, 51.51, "2024-06-20T04:43+01:00", "2024-06-20T21:21+01:00"),
    ],
)
def test_the_upper_edge_crosses_the_horizon_at_the_published_minute(
    place: str, lon_deg: float, lat_deg: float, sunrise: str, sunset: str
) -> None:
    rises, sets = datetime.fromisoformat(sunrise), datetime.fromisoformat(sunset)
    tolerance = timedelta(seconds=90)

    assert elevation_deg(rises - tolerance, lon_deg, lat_deg) < sun.HORIZON_DEG, place
    assert elevation_deg(rises + tolerance, lon_deg, lat_deg) > sun.HORIZON_DEG
    assert elevation_deg(sets - tolerance, lon_deg, lat_deg) > sun.HORIZON_DEG
    assert elevation_deg(sets + tolerance, lon_deg, lat_deg) < sun.HORIZON_DEG


@pytest.mark.parametrize(("lon_deg", "lat_deg"), [(118.18, 39.63), (0, 51.48), (151.2, -33.9), (20, 69), (-70, -53)])
def test_it_agrees_with_another_implementation_all_year_round(lon_deg: float, lat_deg: float) -> None:
    observer = astral.Observer(lat_deg, lon_deg)
    instants = [
        datetime(year, month, 21, hour, tzinfo=UTC)
        for year in (1990, 2026)
        for month in range(1, 13)
        for hour in range(0, 24, 5)
    ]

    expected = [almanac.elevation(observer, at, with_refraction=False) for at in instants]

    assert [elevation_deg(at, lon_deg, lat_deg) for at in instants] == pytest.approx(expected, abs=0.02)


def test_there_is_no_night_at_midsummer_and_no_day_at_midwinter_beyond_the_polar_circle() -> None:
    summer = [elevation_deg(datetime(2026, 6, 21, hour, tzinfo=UTC), 20, 70) for hour in range(24)]
    winter = [elevation_deg(datetime(2026, 12, 21, hour, tzinfo=UTC), 20, 70) for hour in range(24)]

    assert min(summer) > sun.HORIZON_DEG > max(winter)


def test_a_place_that_is_not_known_has_no_sun() -> None:
    assert np.isnan(elevation_deg(datetime(2026, 6, 21, tzinfo=UTC), float("nan"), 39.0))
