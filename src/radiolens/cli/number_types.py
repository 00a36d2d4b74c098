"""Numbers that options take, where click would pass ones that nothing can be computed with."""

from __future__ import annotations

import math
from typing import Any

import click

__all__ = ["SEED", "FiniteRange"]

SEED = click.IntRange(min=0)
"""What NumPy's generators can be begun with."""


class FiniteRange(click.FloatRange):
    """A range of numbers to which neither infinity nor `nan` belongs, which click compares with both ends in vain."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401  click's
        """Return the number; fail as click does if it is none of the range."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number
