"""Gamma, contrast, brightness and noise only, in two copies of each picture."""

from __future__ import annotations

from radiolens.training.variant import Variant, augmenting_only

__all__ = ["VARIANT"]

VARIANT = Variant(
    "augment_intensity",
    change=augmenting_only("gamma", "contrast", "brightness", "noise"),
    augmented_copies=2,
)
