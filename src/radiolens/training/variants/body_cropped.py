"""The picture cropped to the body."""

from __future__ import annotations

from radiolens.training.harmonise import body_cropped
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("body_cropped", harmonise=(body_cropped,))
