"""What is known to be true of a case, for measures of answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.evaluation.conformal import Answer
from radiolens.prediction import Presence

__all__ = ["known_answers"]


def known_answers(answers: Sequence[Answer], cases: Sequence[Case], *, exclusive: bool) -> NDArray[np.bool_]:
    """Return which of `answers` are known to be true of each case (n, answers).

    What is not annotated is not known; of exclusive labels only a case of a single possible one has a known answer.
    """
    columns = [[_known(label, side, case, exclusive=exclusive) for case in cases] for label, side in answers]
    return np.asarray(columns, np.bool_).reshape(len(answers), len(cases)).T


def _known(label: str, side: Presence, case: Case, *, exclusive: bool) -> bool:
    if exclusive:
        return case.possible == {label}
    return case.labels.get(label) == int(side is Presence.PRESENT)
