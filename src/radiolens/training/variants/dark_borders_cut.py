"""Even black frames cut away."""

from __future__ import annotations

from radiolens.training.harmonise import without_dark_borders
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("dark_borders_cut", harmonise=(without_dark_borders,))
