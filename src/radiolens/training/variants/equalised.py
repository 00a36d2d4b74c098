"""An even histogram for every picture."""

from __future__ import annotations

from radiolens.training.harmonise import equalised
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("equalised", harmonise=(equalised,))
