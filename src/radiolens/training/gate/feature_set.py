"""Features and answers of samples, joined by position: what heads, limits and reference are made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOT_TOLD", "FeatureSet"]

NOT_TOLD = -1
"""A defect of which nothing is asked."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features and answers of n samples, joined by position.

    `middle` is the middle map (n, 8, 8, 112), float16; `pooled` the pooled last one (n, 1280), float32. `kinds` are
    places in KINDS, `defects` (n, 3) 1, 0 or NOT_TOLD in the order of DEFECT_NAMES. `sources`, `names` and `families`
    are those of `Sample`.
    """

    middle: NDArray[np.float16]
    pooled: NDArray[np.float32]
    kinds: NDArray[np.int64]
    defects: NDArray[np.int8]
    sources: NDArray[np.str_]
    names: NDArray[np.str_]
    families: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.kinds)

    def part(self, chosen: NDArray[Any]) -> FeatureSet:
        """Return the chosen samples: a mask or places (n)."""
        return FeatureSet(*(getattr(self, entry.name)[chosen] for entry in fields(self)))
