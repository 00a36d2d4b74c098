"""Which cases a costly measurement is made on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case

__all__ = ["stratified_sample"]


def stratified_sample(cases: Sequence[Case], most: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Return the rows of at most `most` cases in their order, of each source and answer as many as that allows.

    All cases of a small source and answer are taken; what it leaves goes to the larger ones.
    """
    strata: dict[Hashable, list[int]] = {}
    for row in random.permutation(len(cases)).tolist():
        strata.setdefault(_stratum(cases[row]), []).append(row)
    drawn: list[int] = []
    ordered = sorted(strata.values(), key=len)
    for place, rows in enumerate(ordered):
        drawn += rows[: (most - len(drawn)) // (len(ordered) - place)]
    return np.sort(np.asarray(drawn, np.intp))


def _stratum(case: Case) -> Hashable:
    told = frozenset((name, value) for name, value in case.labels.items() if value is not None)
    return case.source, told, case.possible
