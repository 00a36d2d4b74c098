"""Contrast equalised in tiles (CLAHE), so that exposure and film curve tell less."""

from __future__ import annotations

from radiolens.training.harmonise import clahe
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("clahe", harmonise=(clahe,))
