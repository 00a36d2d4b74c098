"""The most confident wrong answers of each question on each source, by the path of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from radiolens.data.manifest import Case
from radiolens.validation.questions import Question

__all__ = ["MOST", "LargestError", "largest_errors"]

MOST = 5
"""Of each kind, question and source: as many as a person looks at."""


@dataclass(frozen=True)
class LargestError:
    """A wrong answer: `path` of the image in the manifest, `score` from 0 to 1, whether the finding is there.

    `truth` False is a false alarm, True a miss.
    """

    question: str
    source: str
    path: str
    score: float
    threshold: float
    truth: bool


def largest_errors(asked: Sequence[Question], cases: Sequence[Case], most: int = MOST) -> tuple[LargestError, ...]:
    """Return, of each question on a single source, the false alarms of highest and the misses of lowest score."""
    sources = {case.source for case in cases}
    return tuple(
        error
        for question in asked
        if question.source in sources
        for truth in (True, False)
        for error in _of_kind(question, cases, most, truth=truth)
    )


def _of_kind(question: Question, cases: Sequence[Case], most: int, *, truth: bool) -> Iterator[LargestError]:
    wrong = np.flatnonzero((question.truth == truth) & (question.called != truth))
    confident = -question.scores[wrong] if not truth else question.scores[wrong]
    for place in wrong[np.argsort(confident, kind="stable")][:most]:
        path = cases[question.rows[place]].path
        score = float(question.scores[place])
        yield LargestError(question.name, question.source, path, score, question.threshold, truth)
