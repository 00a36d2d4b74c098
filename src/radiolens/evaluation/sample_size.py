"""How many cases a stated precision takes, and how many are missing.

Buderer 1996 (doi:10.1111/j.1553-2712.1996.tb03538.x), with Wilson's interval in place of the normal one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from radiolens.evaluation.intervals import LEVEL
from radiolens.evaluation.wilson import cases_for_half_width, wilson_bounds

__all__ = ["Shortfall", "shortfall"]


@dataclass(frozen=True)
class Shortfall:
    """The cases of one class, and how many a precision takes: the present ones if they are enough.

    `half_width` is that of Wilson's interval of the present cases, `wanted` the one asked for. `patients` is how many
    must be seen in the clinic, one after the other, until the missing ones of this class are among them.
    """

    measure: str
    cases: int
    half_width: float
    wanted: float
    needed: int
    patients: int

    @property
    def missing(self) -> int:
        """Return how many cases of the class are missing; 0 if there are enough."""
        return max(0, self.needed - self.cases)


def shortfall(
    measure: str, successes: int, cases: int, wanted: float, share_of_patients: float, level: float = LEVEL
) -> Shortfall:
    """Return how far the cases of one class are from a half width `wanted` (above 0, below 0.5).

    `measure` is the share `successes` / `cases`. `share_of_patients` (above 0, at most 1) of a clinic's patients are of
    that class. The share to expect is the centre of the present interval, not the share itself: of few cases all may be
    right by chance, and a share of 1 would ask for hardly any. Raises ValueError without cases.
    """
    if not cases:
        raise ValueError(f"there are no cases to tell the {measure}")
    low, high = (float(end) for end in wilson_bounds(successes, cases, level))
    half_width = (high - low) / 2
    # The present interval decides whether its cases are enough; its centre, nearer to one half, asks for more of them.
    needed = cases if half_width <= wanted else cases_for_half_width((low + high) / 2, wanted, level)
    patients = ceil(max(0, needed - cases) / share_of_patients - 1e-9)
    return Shortfall(measure, cases, half_width, wanted, needed, patients)
