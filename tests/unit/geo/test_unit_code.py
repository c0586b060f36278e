"""Unit grid codes and the order of their numbers."""

import numpy as np
import pytest

from core.errors import InvalidInput
from geo.unit_code import community_of, district_of, normal_code, number_grids


def test_fifteen_digits_stay_and_fourteen_get_their_zero() -> None:
    assert normal_code("130203001001001") == "130203001001001"
    assert normal_code("13020300100101") == "130203001001001"


@pytest.mark.parametrize("text", ["1302030010010", "130203001001000", "13020300100100１", "1302030010010011", ""])
def test_what_is_no_grid_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="unit grid code"):
        normal_code(text)


def test_a_code_holds_its_community_and_district() -> None:
    assert community_of("130203001001001") == "130203001001"
    assert district_of("130203001001001") == "130203"


def test_numbers_run_west_to_east_then_north_to_south_in_each_community() -> None:
    x = np.asarray([0.0, 100.0, 0.0, 100.0, 200.0])
    y = np.asarray([0.0, 3.0, 100.0, 97.0, 100.0])
    community = np.asarray([0, 0, 0, 0, 1], dtype=np.int32)

    assert number_grids(x, y, community, row_m=50.0).tolist() == [3, 4, 1, 2, 1]


def test_a_community_with_a_thousand_grids_is_refused() -> None:
    x = np.arange(1000.0)

    with pytest.raises(InvalidInput, match="more than 999"):
        number_grids(x, np.zeros(1000), np.zeros(1000, dtype=np.int32), row_m=100.0)
