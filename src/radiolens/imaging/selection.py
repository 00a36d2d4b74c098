"""Which slices of a volume are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["EVERY", "MIDDLE", "SliceSelection"]


@dataclass(frozen=True)
class SliceSelection:
    """The slices between two fractions of the scan, at most `at_most` of them, evenly spaced (0: no bound)."""

    first_fraction: float = 0.3
    last_fraction: float = 0.7
    at_most: int = 16

    def indices(self, count: int) -> tuple[int, ...]:
        """Return the selected positions, ascending and never empty, among `count` slices."""
        first = min(int(count * self.first_fraction), count - 1)
        last = max(first, min(int(np.ceil(count * self.last_fraction)), count) - 1)
        number = last - first + 1
        if self.at_most:
            number = min(number, self.at_most)
        return tuple(int(index) for index in np.rint(np.linspace(first, last, number)))


MIDDLE = SliceSelection()
"""The default: up to 16 slices of the middle two fifths: the widest brain, without skull base and vertex."""

EVERY = SliceSelection(0.0, 1.0, 0)
"""Every slice."""
