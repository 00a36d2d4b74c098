"""The plain recipe: Lite0 at 224 pixels, min-max grey levels, no augmentation, sources and labels weighing the same."""

from __future__ import annotations

from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("plain")
