"""The comparison of variants: AUROC out of fold and out of source, and the gain over the plain recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.within_folds import auroc_difference_within_folds, auroc_within_folds
from radiolens.training.variants import PLAIN
from radiolens.validation.variants.pictures import Pictures
from radiolens.validation.variants.scores import VariantScores
from radiolens.validation.variants.trials import Trials, trials_of

__all__ = ["Compared", "compare"]

_Values = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """One variant on one line.

    `auroc` compares within each fit, patients are the units. `gain` is the variant's less the plain recipe's on the
    same cases; where `target` is 0.5, it is how much nearer to that the estimate lies, without ends. `control` is the
    AUROC of forests on borders and brightness, fitted on the same cases as the plain recipe.
    """

    variant: str
    line: str
    unseen: str
    target: float
    cases: int
    patients: int
    auroc: Interval
    gain: Interval
    control: Interval


def compare(pictures: Pictures, names: Sequence[str]) -> Iterator[Compared]:
    """Yield for each variant a row for each line of the task.

    Raises DatasetError for a variant that is not known, or a network that cannot be exported.
    """
    lines = trials_of(pictures.sample)
    made = VariantScores(pictures)
    plain = made.of(PLAIN)
    for name in names:
        for line, scores, before, control in zip(lines, made.of(name), plain, made.control, strict=True):
            yield _row(name, line, (scores, before, control), pictures.sample.patients)


def _row(name: str, line: Trials, scores: tuple[_Values, _Values, _Values], patients: NDArray[np.intp]) -> Compared:
    asked = [np.flatnonzero(trial.judged & (line.asked >= 0)) for trial in line.trials]
    rows, folds = np.concatenate(asked), np.repeat(np.arange(len(asked)), [len(part) for part in asked])
    truth = line.asked[rows] == 1 if line.labels == 2 else line.asked[rows, np.newaxis] == np.arange(line.labels)
    own, before, control = (_ranks(each[rows]) for each in scores)
    auroc, of_control = (auroc_within_folds(truth, each, folds, patients[rows]) for each in (own, control))
    gain = auroc_difference_within_folds(truth, (own, folds), (before, folds), patients[rows])
    if line.target < 1:
        was = auroc_within_folds(truth, before, folds, patients[rows]).estimate
        nearer = abs(was - line.target) - abs(auroc.estimate - line.target)
        gain = Interval(nearer, np.nan, np.nan, gain.level, "nearer to the target")
    count = len(np.unique(patients[rows]))
    return Compared(name, line.name, line.unseen, line.target, len(rows), count, auroc, gain, of_control)


def _ranks(scores: _Values) -> _Values:
    """Return what ranks the cases: of two labels (m,) how much likelier the second is, else the scores (m, labels)."""
    if scores.shape[1] != 2:
        return scores
    no, yes = scores.T
    # Equal ones may both be minus infinity, where neither label was fitted on: then nothing is ranked.
    ranks: _Values = np.subtract(yes, no, out=np.zeros(len(yes)), where=yes != no)
    return ranks
