"""Loss of resolution and of compression only, in two copies of each picture."""

from __future__ import annotations

from radiolens.training.variant import Variant, augmenting_only

__all__ = ["VARIANT"]

VARIANT = Variant(
    "augment_resolution",
    change=augmenting_only("blur_probability", "jpeg_probability"),
    augmented_copies=2,
)
