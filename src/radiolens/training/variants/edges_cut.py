"""Eight percent of each side cut away, where borders, letters and collimation lie."""

from __future__ import annotations

from radiolens.training.harmonise import edges_cut
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("edges_cut", harmonise=(edges_cut,))
