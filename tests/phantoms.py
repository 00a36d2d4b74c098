"""Generated images for tests: every phantom is made here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def chest_film(rows: int = 240, columns: int = 200, seed: int = 0) -> NDArray[np.float32]:
    """Return a film-like picture (rows, columns) in 0 to 1: a bright body with two dark lungs and some noise."""
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    body = np.exp(-(((x - 0.5) / 0.45) ** 4) - ((y - 0.55) / 0.6) ** 6)
    lungs = sum(np.exp(-(((x - centre) / 0.13) ** 2) - ((y - 0.45) / 0.25) ** 2) for centre in (0.3, 0.7))
    noise = np.random.default_rng(seed).normal(0.0, 0.02, (rows, columns))
    return np.clip(0.9 * body - 0.6 * lungs + noise, 0.0, 1.0).astype(np.float32)
