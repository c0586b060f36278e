"""Connected, balanced parts."""

import numpy as np

from geo.partition import components, partition
from geo.tessellate import neighbours


def test_parts_of_a_crooked_area_are_connected_and_of_like_size() -> None:
    mask = np.ones((40, 40), dtype=bool)
    mask[5:35, 10:30] = False  # a ring: straight cuts would tear parts
    xy = np.argwhere(mask).astype(float)[:, ::-1] * 100
    pairs = neighbours(mask)

    parts = partition(xy, pairs, np.ones(20), np.random.default_rng(1))

    sizes = np.bincount(parts)
    assert len(sizes) == 20
    assert sizes.min() > 0.6 * sizes.mean()
    for part in range(20):
        cells = np.flatnonzero(parts == part)
        position = np.full(len(xy), -1)
        position[cells] = np.arange(len(cells))
        inner = position[pairs]
        assert components(len(cells), inner[(inner >= 0).all(axis=1)]).max() == 0


def test_parts_follow_the_wanted_shares() -> None:
    mask = np.ones((30, 30), dtype=bool)
    xy = np.argwhere(mask).astype(float) * 100

    parts = partition(xy, neighbours(mask), np.asarray([1.0, 1.0, 4.0]), np.random.default_rng(2))

    np.testing.assert_allclose(np.bincount(parts), [150, 150, 600], rtol=0.1)


def test_the_same_draw_gives_the_same_parts() -> None:
    mask = np.ones((12, 12), dtype=bool)
    xy = np.argwhere(mask).astype(float)

    runs = [partition(xy, neighbours(mask), np.ones(5), np.random.default_rng(3)).tolist() for _ in range(2)]

    assert runs[0] == runs[1]
