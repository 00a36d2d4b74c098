"""The answer averaged with that to the mirror image."""

from __future__ import annotations

from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("mirrored", mirrored=True)
