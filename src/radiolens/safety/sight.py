"""What the gate network saw in one slice: the border between the network that looks and the rules that judge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["OPERATING_POINTS", "Kind", "Sight"]

OPERATING_POINTS = ("kind", "rotated", "inverted", "cropped", "distance")
"""The names of the limits that a gate bundle stores."""

_SUM_TOLERANCE = 1e-3  # of probabilities that were computed in float32


class Kind(StrEnum):
    """The kinds of picture the gate network tells apart."""

    CHEST_FRONTAL = "chest_frontal"
    CHEST_LATERAL = "chest_lateral"
    BRAIN_MR = "brain_mr"
    BRAIN_CT = "brain_ct"
    OTHER = "other"


@dataclass(frozen=True)
class Sight:
    """What the gate network saw in one slice.

    `kinds` holds the calibrated probability of every kind; they sum to one. `rotated`, `inverted` and `cropped` are
    probabilities (0 to 1), given that the slice is what a task is for. `distance` is how far it lies from the training
    data of the gate network on its features: the share (0 to 1) of held-out training pictures that lie nearer. Where a
    slice looked inverted, `inverted` may have been lowered by a look at its inverse.
    `refuse_from` holds the limits of the gate bundle: the least probability to believe a kind under `kind`, and under
    the other names the value from which a slice is refused. Raises ValueError if a kind or a limit is missing, or a
    value is no probability.
    """

    kinds: Mapping[Kind, float]
    rotated: float
    inverted: float
    cropped: float
    distance: float
    refuse_from: Mapping[str, float]

    def __post_init__(self) -> None:
        missing = [*(set(Kind) - self.kinds.keys()), *(set(OPERATING_POINTS) - self.refuse_from.keys())]
        if missing:
            raise ValueError(f"the gate network's answer lacks {', '.join(sorted(missing))}")
        values = (*self.kinds.values(), self.rotated, self.inverted, self.cropped, self.distance)
        if not all(0.0 <= value <= 1.0 for value in values):  # so written, NaN is refused as well
            raise ValueError(f"the gate network's answer holds other values than 0 to 1: {values}")
        if not math.isclose(sum(self.kinds.values()), 1.0, abs_tol=_SUM_TOLERANCE):
            raise ValueError(f"the kinds of the gate network's answer sum to {sum(self.kinds.values()):.4f}, not to 1")

    @property
    def likeliest(self) -> Kind:
        """Return the most probable kind."""
        return max(self.kinds, key=lambda kind: self.kinds[kind])

    @property
    def believed(self) -> Kind | None:
        """Return the most probable kind if it is probable enough to be believed, None if the network is unsure."""
        kind = self.likeliest
        return kind if self.kinds[kind] >= self.refuse_from["kind"] else None
