"""Fits of plain heads and forests on the features of a manifest; each is made once and kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case import Case
from radiolens.evaluation.controls import transferred_scores
from radiolens.evaluation.heads import LINEAR, most_similar, out_of_fold, transferred
from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.validation.controls.feature_questions import FeatureQuestion, Partition
from radiolens.validation.controls.image_features import BORDERS, IMAGENET, Features
from radiolens.validation.pieces import digest, kept
from radiolens.validation.plan import Plan

__all__ = ["FeatureFits", "judged", "ranked"]

_Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FeatureFits:
    """The features of all cases with their partition, and the fits made on them.

    `inside` (n,) tells the cases that may be fitted on: all but the external ones.
    """

    features: Features
    partition: Partition
    inside: NDArray[np.bool_]
    cache: Path
    plan: Plan
    progress: Callable[[str, int, int], None] = field(default=lambda stage, done, total: None)

    @property
    def cases(self) -> tuple[Case, ...]:
        """Return the cases, in the order of the features."""
        return self.features.cases

    def can_be_cut(self, rows: NDArray[np.intp]) -> bool:
        """Return whether these cases stand in at least two folds."""
        return len(np.unique(self.partition.folds[rows])) > 1

    def heads(
        self,
        stage: str,
        rows: NDArray[np.intp],
        fits: Sequence[tuple[str, NDArray[np.intp], int]],
        folds: NDArray[np.intp],
        kind: str = IMAGENET,
    ) -> list[_Scores]:
        """Return for each (head, answers (m,), number of labels) the out-of-fold scores (m, labels) of cases `rows`."""
        values = self.features.kinds[kind][rows]
        key = [
            "heads",
            digest(values),
            digest(folds),
            [[head, digest(answers), labels] for head, answers, labels in fits],
        ]

        def make() -> _Scores:
            found = out_of_fold(values, fits, folds, lambda done, total: self.progress(stage, done, total))
            return np.concatenate(found, axis=1)

        ends = np.cumsum([labels for _, _, labels in fits])[:-1]
        return np.split(kept(self.cache, key, make), ends, axis=1)

    def nearest(self, rows: NDArray[np.intp], folds: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return for each of the cases `rows` the place (m,) among them of the most similar one of another fold."""
        values = self.features.kinds[IMAGENET][rows]
        key = ["nearest", digest(values), digest(folds)]
        return kept(self.cache, key, lambda: most_similar(values, folds))

    def transferred(self, fitted: FeatureQuestion, rows: NDArray[np.intp]) -> _Scores:
        """Return the scores (m, labels) that the linear head, fitted on one question, gives the cases `rows`."""
        values = self.features.kinds[IMAGENET]
        key = ["transferred", digest(values[fitted.rows]), digest(fitted.answers), digest(values[rows])]
        labels = len(fitted.labels)
        return kept(
            self.cache, key, lambda: transferred(values[fitted.rows], fitted.answers, values[rows], labels, LINEAR)
        )

    def forest(self, fitted: FeatureQuestion, rows: NDArray[np.intp]) -> _Scores:
        """Return the same of forests on borders and brightness, one for each label against the rest."""
        values = self.features.kinds[BORDERS].astype(np.float64)
        parts = [digest(values[fitted.rows]), digest(fitted.answers), digest(values[rows])]
        key = ["forest", *parts, self.plan.seed, self.plan.trees]
        return kept(self.cache, key, lambda: self._forests(values, fitted, rows))

    def forest_out_of_fold(self, stage: str, question: FeatureQuestion, folds: NDArray[np.intp]) -> _Scores:
        """Return the out-of-fold scores (m, labels) of forests on borders and brightness."""
        scores = np.zeros((len(question.rows), len(question.labels)))
        numbers = np.unique(folds)
        for done, fold in enumerate(numbers, 1):
            held_out = folds == fold
            scores[held_out] = self.forest(question.of(~held_out), question.rows[held_out])
            self.progress(stage, done, len(numbers))
        return scores

    def _forests(self, values: _Scores, fitted: FeatureQuestion, rows: NDArray[np.intp]) -> _Scores:
        columns = [
            transferred_scores(
                values[fitted.rows], fitted.answers == label, values[rows], self.plan.seed, self.plan.trees
            )
            for label in range(len(fitted.labels))
        ]
        return np.nan_to_num(np.stack(columns, axis=1))  # a label that was not fitted on ranks nothing


def judged(
    question: FeatureQuestion, scores: _Scores, partition: Partition, chosen: NDArray[np.bool_], level: float = LEVEL
) -> Interval:
    """Return the AUROC within folds of the `chosen` rows (m,); of more than two labels the mean over those present."""
    truth, ranks = ranked(question, scores)
    return auroc_within_folds(truth[chosen], ranks[chosen], partition.folds[chosen], partition.patients[chosen], level)


def ranked(question: FeatureQuestion, scores: _Scores) -> tuple[NDArray[np.bool_], _Scores]:
    """Return truth and scores to rank by: (m,) of a yes-no question, else (m, labels)."""
    if len(question.labels) == 2:
        no, yes = scores.T
        # Equal ones may both be minus infinity, where neither label was fitted on: then nothing is ranked.
        return question.answers == 1, np.subtract(yes, no, out=np.zeros(len(yes)), where=yes != no)
    return question.answers[:, np.newaxis] == np.arange(len(question.labels)), scores
