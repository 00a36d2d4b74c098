"""Black borders and white, grey or black boxes only, in two copies of each picture."""

from __future__ import annotations

from radiolens.training.variant import Variant, augmenting_only

__all__ = ["VARIANT"]

VARIANT = Variant(
    "augment_borders",
    change=augmenting_only("border", "border_probability", "box_probability"),
    augmented_copies=2,
)
