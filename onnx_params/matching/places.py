"""Choose positions at which samples are taken."""

from __future__ import annotations

from typing import Final

import numpy as np

N_NUMBERS: Final = 16  # of a vector, or of a line


def places(count: int, n: int) -> np.ndarray:
    """Up to ``n`` positions spread over ``count``, the same each time."""
    return np.unique(np.linspace(0, max(count - 1, 0), n).astype(np.int64))
