"""From logits to calibrated probabilities; numpy only, since serving uses it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "probabilities"]

Floats = NDArray[np.floating]


def probabilities(
    logits: Floats, temperature: Sequence[float] | float, bias: Sequence[float] | float = 0.0, *, exclusive: bool
) -> NDArray[np.float64]:
    """Return probabilities (n, labels) of logits (n, labels) divided by a temperature, plus a bias.

    Both are one for all or one per label. Exclusive labels go through the softmax and sum to one, others through the
    sigmoid. Guo et al. 2017 (arXiv:1706.04599), eq. 9; with a bias Platt 1999.
    """
    scaled = np.asarray(logits, np.float64) / np.asarray(temperature, np.float64) + np.asarray(bias, np.float64)
    if not exclusive:
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scaled)), np.float64)  # the sigmoid, without overflow
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float64)
