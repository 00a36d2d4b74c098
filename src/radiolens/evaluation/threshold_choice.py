"""The thresholds of findings that a bundle is released with, chosen on what also makes its prediction sets.

Sources differ in size by a factor of twenty. Chosen on the pooled cases, the threshold of a finding is that of the
largest source; the others then get far too many alarms, or too few.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.conformal import ConformalSets
from radiolens.evaluation.thresholds import threshold_sensitive
from radiolens.prediction import Presence

__all__ = ["EXCLUSIVE_THRESHOLD", "RULE", "SPARED", "balanced", "thresholds_of"]

EXCLUSIVE_THRESHOLD = 0.5
"""Of exclusive labels one must hold: it is called present once it is likelier than all others together."""

SPARED = 0.95
"""The specificity in every source down to which a threshold is lowered: one alarm in twenty without the finding."""

RULE = f"or lower as long as {SPARED:g} of the absent cases of every source lie below"
"""What `thresholds_of` does besides taking the best balanced accuracy, in words for the evidence."""

_FEWEST = 10
"""A group of fewer cases weighs less than a whole source: otherwise a handful of images would decide."""


def thresholds_of(sets: ConformalSets) -> Mapping[str, float]:
    """Return the threshold of each label, chosen on the calibration cases whose scores the prediction sets keep.

    Of a finding it is that of the best balanced accuracy with every source weighing the same among present and among
    absent cases, or a lower one that leaves a specificity of SPARED in every source (`threshold_sensitive`). Of
    exclusive labels it is EXCLUSIVE_THRESHOLD. Raises ValueError if a finding lacks present or absent cases.
    """
    if sets.exclusive:
        return dict.fromkeys(sets.labels, EXCLUSIVE_THRESHOLD)
    return {label: _threshold(sets, label) for label in sets.labels}


def balanced(keys: Sequence[tuple[str, Hashable] | None]) -> NDArray[np.float64]:
    """Return weights (n,) that sum to 1 on each side for (source, side) keys, shared equally by its sources.

    A source of few cases on a side weighs less there, in proportion. None weighs 0.
    """
    counts = Counter(key for key in keys if key is not None)
    sides: dict[Hashable, float] = defaultdict(float)
    for (_, side), count in counts.items():
        sides[side] += count / max(count, _FEWEST)
    return np.asarray([0.0 if key is None else 1 / max(counts[key], _FEWEST) / sides[key[1]] for key in keys])


def _threshold(sets: ConformalSets, label: str) -> float:
    keys: list[tuple[str, Hashable]] = []
    scores: list[NDArray[np.float64]] = []
    for side in (Presence.ABSENT, Presence.PRESENT):
        for source, part in sets.scores[label, side].items():
            keys += [(source, side)] * part.size
            scores.append(part.values if side is Presence.PRESENT else 1.0 - part.values)
    return threshold_sensitive(
        [side is Presence.PRESENT for _, side in keys],
        np.concatenate(scores),
        balanced(keys),
        [source for source, _ in keys],
        SPARED,
    )
