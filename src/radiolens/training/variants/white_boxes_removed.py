"""Burned-in white boxes and letters painted over."""

from __future__ import annotations

from radiolens.training.harmonise import without_white_boxes
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("white_boxes_removed", harmonise=(without_white_boxes,))
