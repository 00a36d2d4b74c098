"""Boxes painted over, frames and edges cut, contrast equalised in tiles: all that might hide the hospital."""

from __future__ import annotations

from radiolens.training.harmonise import clahe, edges_cut, without_dark_borders, without_white_boxes
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("harmonised", harmonise=(without_white_boxes, without_dark_borders, edges_cut, clahe))
