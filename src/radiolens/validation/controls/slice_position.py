"""What the height of a slice in its volume alone tells of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case import Case
from radiolens.evaluation.controls import transferred_scores
from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.validation.controls.feature_fits import FeatureFits
from radiolens.validation.controls.feature_questions import FeatureQuestion, Partition, sources_of

__all__ = ["SlicePosition", "slice_places", "slice_positions"]


@dataclass(frozen=True)
class SlicePosition:
    """A forest on a slice's position alone (its number, and its place between first and last of the patient).

    `auroc` is judged out of fold by patient on all cases of the manifest that were not set aside as external,
    `on_scored` on those of them that the network was judged on (nan if too few).
    """

    question: str
    source: str
    cases: int
    patients: int
    auroc: Interval
    on_scored: Interval


def slice_positions(
    fits: FeatureFits, questions: Sequence[FeatureQuestion], scored: NDArray[np.bool_]
) -> Iterator[SlicePosition]:
    """Yield a row for each yes-no question on each source that says where its slices lie; `scored` (n,) are cases."""
    placed = np.asarray([case.slice_index is not None for case in fits.cases], bool)
    for question in questions:
        told = question.of(placed[question.rows] & fits.inside[question.rows])
        if len(question.labels) > 2 or not (told.judgeable and fits.can_be_cut(told.rows)):
            continue
        part = fits.partition.of(told.rows)
        scores = _out_of_fold(fits, told, part)
        for source, chosen in sources_of(fits.cases, told):
            if told.of(chosen).judgeable:
                yield SlicePosition(
                    question=question.name,
                    source=source,
                    cases=int(chosen.sum()),
                    patients=len(np.unique(part.patients[chosen])),
                    auroc=_judged(told, scores, part, chosen),
                    on_scored=_judged(told, scores, part, chosen & scored[told.rows]),
                )


def _out_of_fold(fits: FeatureFits, question: FeatureQuestion, part: Partition) -> NDArray[np.float64]:
    positions = slice_places([fits.cases[row] for row in question.rows], part.patients)
    scores = np.zeros(len(positions))
    for fold in np.unique(part.folds):
        held_out = part.folds == fold
        scores[held_out] = transferred_scores(
            positions[~held_out], question.answers[~held_out], positions[held_out], fits.plan.seed, fits.plan.trees
        )
    return np.nan_to_num(scores)


def slice_places(cases: Sequence[Case], patients: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (number, share of the way from the patient's first slice to the last) of each case (n, 2).

    Every case has a `slice_index`; `patients` (n,) are numbers.
    """
    index = np.asarray([case.slice_index for case in cases], np.float64)
    numbers = np.unique(patients, return_inverse=True)[1]
    low, high = np.full(numbers.max() + 1, np.inf), np.full(numbers.max() + 1, -np.inf)
    np.minimum.at(low, numbers, index)
    np.maximum.at(high, numbers, index)
    reach = np.maximum(high - low, 1.0)[numbers]
    return np.stack([index, (index - low[numbers]) / reach], axis=1)


def _judged(
    question: FeatureQuestion, scores: NDArray[np.float64], part: Partition, chosen: NDArray[np.bool_]
) -> Interval:
    if not question.of(chosen).judgeable:
        return Interval(np.nan, np.nan, np.nan, LEVEL, "too few cases")
    truth = question.answers == 1
    return auroc_within_folds(truth[chosen], scores[chosen], part.folds[chosen], part.patients[chosen])
