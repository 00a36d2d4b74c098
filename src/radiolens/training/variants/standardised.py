"""The same mean and standard deviation for every picture."""

from __future__ import annotations

from radiolens.training.harmonise import standardised
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("standardised", harmonise=(standardised,))
