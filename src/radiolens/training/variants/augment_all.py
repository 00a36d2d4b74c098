"""Every augmentation of the recipe, in two copies of each picture."""

from __future__ import annotations

from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("augment_all", augmented_copies=2)
