"""Where a network looked: the activation map of its head or, where it has none, an occlusion map."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from radiolens.explain.activation_map import class_activation_maps
from radiolens.explain.occlusion import occlusion_maps
from radiolens.inference.engine import Engine

__all__ = ["log_odds", "maps_of", "windows_along_a_side"]

_PATIENCE_S = 3.0
"""For all windows of an occlusion map: the reader waits for it with the answer."""

_FINEST, _COARSEST = 10, 4
"""Windows along a side. The coarsest takes 17 runs of the network, however slow it is."""

_FINEST_PATCH = 0.2  # of a side: half of it is shared with the next window of the finest map
_OVERLAP = 1.2  # of the distance of two windows, so that no place is left out by rounding


def maps_of(
    engine: Engine, grey: NDArray[np.uint8], features: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return a map for each label (labels, h, w) of one slice (rows, columns) of grey levels.

    `features` spares a run of the network if they are known already. An occlusion map of a slow network is coarser,
    so that it takes about 3 seconds at most where 17 runs do not take longer.
    """
    if engine.head is None:
        places = windows_along_a_side(engine.seconds_per_image)
        return occlusion_maps(
            grey,
            lambda pictures: log_odds(engine.logits(pictures), exclusive=engine.bundle.exclusive),
            patch_share=max(_FINEST_PATCH, _OVERLAP / places),
            stride_share=1 / places,
        )
    known = engine.run(grey[np.newaxis])[1][0] if features is None else features
    return class_activation_maps(known, engine.head.kernel)


def windows_along_a_side(seconds_per_image: float) -> int:
    """Return how many windows an occlusion map has along a side: 10, or fewer for a network that is slow."""
    affordable = math.isqrt(int(_PATIENCE_S / max(seconds_per_image, 1e-6)))
    return min(max(affordable, _COARSEST), _FINEST)


def log_odds(logits: NDArray[np.float32], *, exclusive: bool) -> NDArray[np.float64]:
    """Return log(p / (1 - p)) of each label (n, labels), without calibration.

    Of independent labels it is the logit. Of exclusive ones it also tells what is gained where the others lose, and
    does not change with a constant that is added to all logits.
    """
    values = logits.astype(np.float64)
    if not exclusive:
        return values
    others = np.repeat(values[:, np.newaxis, :], values.shape[1], axis=1)  # (n, label, the others and itself)
    others[:, np.arange(values.shape[1]), np.arange(values.shape[1])] = -np.inf
    odds: NDArray[np.float64] = values - np.logaddexp.reduce(others, axis=-1)
    return odds
