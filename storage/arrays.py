"""Long lists of keys as parameters: psycopg makes text of a list element by element, twenty times slower than this."""

import numpy as np
from numpy.typing import NDArray


def int_array(values: NDArray[np.integer]) -> str:
    """Give whole numbers as PostgreSQL writes an array; the statement casts it (`%(keys)s::int[]`)."""
    return "{" + ",".join(map(str, values.tolist())) + "}"
