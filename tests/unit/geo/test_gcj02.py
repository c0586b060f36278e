"""The offset of Chinese map services, on and off."""

import numpy as np

from geo.gcj02 import shifted, unshifted


def test_the_offset_is_the_published_one() -> None:
    """Source: eviltransform's test points."""
    lon, lat = shifted([121.5272106, 113.912316, 116.377817], [31.1774276, 22.543847, 39.911954])

    np.testing.assert_allclose(lon, [121.531541859215, 113.9171764808363, 116.38404722455657], atol=1e-6)
    np.testing.assert_allclose(lat, [31.17530398364597, 22.540796131694766, 39.91334545536069], atol=1e-6)


def test_taking_it_off_undoes_it_to_a_millimetre() -> None:
    chance = np.random.default_rng(3)
    lon, lat = chance.uniform(80, 130, 1000), chance.uniform(20, 50, 1000)

    back = unshifted(*shifted(lon, lat))

    np.testing.assert_allclose(back, (lon, lat), atol=1e-8)
