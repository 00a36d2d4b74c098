"""Crops, turns and mirror images only, in two copies of each picture."""

from __future__ import annotations

from radiolens.training.variant import Variant, augmenting_only

__all__ = ["VARIANT"]

VARIANT = Variant(
    "augment_geometry",
    change=augmenting_only("smallest_crop", "rotation_degrees", "flip_probability"),
    augmented_copies=2,
)
