"""How far a picture lies from the training pictures on a network's features.

The distance is that to the k-th nearest training picture by the angle between the pooled features (Sun et al.,
"Out-of-distribution detection with deep nearest neighbors", ICML 2022): 1 - cosine. Training pictures are kept in few
dimensions, those of the greatest variation. What of a picture lies outside of them counts as far: the cosine is taken
with the length of all its features. The Mahalanobis distance within such dimensions misses just that: docs/safety.md
compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["KEYS", "FeatureReference", "fit_reference", "nearest_distances"]

KEYS = ("distance_components", "distance_cases", "distance_limit")
"""The names of its arrays in reference.npz."""

_NEIGHBOUR = 3
"""Which nearest training picture counts: one alone may be an odd one, and a fifth is far for small groups."""

_LEAST_LENGTH = 1e-12  # of features: a picture without any has no direction, and is far from all


@dataclass(frozen=True, eq=False)
class FeatureReference:
    """Training pictures on a network's features.

    `components` is float32 (dimensions, channels) with orthonormal rows; `cases` float32 (pictures, dimensions), each
    the part of a training picture's features within the components, divided by the length of all its features. From
    the distance `limit` (above 0, at most 2) on a picture is unlike them.
    """

    components: NDArray[np.float32]
    cases: NDArray[np.float32]
    limit: float

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> FeatureReference | None:
        """Return what reference.npz holds, None for a bundle that was made without it.

        Raises ValueError if the arrays do not fit one another.
        """
        if not set(KEYS) <= arrays.keys():
            return None
        components, cases, limit = (np.asarray(arrays[name], np.float32) for name in KEYS)
        if components.ndim != 2 or cases.ndim != 2 or cases.shape[1] != len(components) or len(cases) < _NEIGHBOUR:
            raise ValueError(f"training features of {cases.shape} in components of {components.shape}")
        if limit.shape != () or not 0 < float(limit) <= 2:
            raise ValueError(f"a limit of {limit!r:.40} for a distance of 0 to 2")
        return cls(components, cases, float(limit))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays for reference.npz; halves, since a cosine moves by less than 0.001 with them."""
        stored = self.components.astype(np.float16), self.cases.astype(np.float16), np.float64(self.limit)
        return dict(zip(KEYS, (np.asarray(array) for array in stored), strict=True))

    def distances(self, pooled: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the distance (n,), 0 to 2, of pooled features (n, channels)."""
        return nearest_distances(_directions(pooled, self.components), self.cases)

    def is_unlike(self, pooled: NDArray[np.floating]) -> bool:
        """Say whether a picture of pooled features (channels,) lies further than the limit."""
        return bool(self.distances(pooled[np.newaxis])[0] >= self.limit)


def fit_reference(pooled: NDArray[np.floating], dimensions: int, limit: float) -> FeatureReference:
    """Return a reference of training pictures' pooled features (n, channels) in at most `dimensions`."""
    components = np.linalg.svd(pooled.astype(np.float64), full_matrices=False)[2][:dimensions].astype(np.float32)
    return FeatureReference(components, _directions(pooled, components).astype(np.float32), limit)


def nearest_distances(directions: NDArray[np.floating], cases: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return 1 - cosine (n,) of directions (n, dimensions) to their third nearest of cases (m, dimensions)."""
    cosines = directions.astype(np.float64) @ cases.T.astype(np.float64)
    nearest: NDArray[np.float64] = np.partition(cosines, len(cases) - _NEIGHBOUR, axis=1)[:, len(cases) - _NEIGHBOUR]
    return 1.0 - nearest


def _directions(pooled: NDArray[np.floating], components: NDArray[np.float32]) -> NDArray[np.float64]:
    features = pooled.astype(np.float64)
    lengths = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), _LEAST_LENGTH)
    directions: NDArray[np.float64] = features @ components.T.astype(np.float64) / lengths
    return directions
