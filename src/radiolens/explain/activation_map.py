"""Class activation maps of a network with global average pooling and one dense head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_activation_maps"]


def class_activation_maps(features: NDArray[np.float32], head_kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for each label what each place adds to its logit, negative values cut to 0: (labels, h, w).

    `features` is the last feature map (h, w, channels), `head_kernel` (channels, labels). Up to the constant 1/(h w)
    this equals Grad-CAM of the logit (Selvaraju et al. 2017, arXiv:1610.02391, section 3.1), without a gradient.
    """
    maps: NDArray[np.float32] = np.maximum(np.moveaxis(features @ head_kernel, -1, 0), 0.0)
    return maps
