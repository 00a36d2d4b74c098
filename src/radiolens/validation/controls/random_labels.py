"""The same fit on labels that mean nothing: whatever it finds above chance is a fault of the procedure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.heads import LINEAR
from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.within_folds import mean_interval
from radiolens.validation.controls.feature_fits import FeatureFits, judged
from radiolens.validation.controls.feature_questions import FeatureQuestion, sources_of
from radiolens.validation.questions import ALL_SOURCES

__all__ = ["RandomLabels", "random_labels", "shuffled"]

_SHUFFLES = 10
"""Their mean is then known to 0.01 on 1,000 cases; each costs a fit per fold."""

_MOST_CASES = 2000
"""Of a question: a fault of the procedure shows in a part of the patients as well."""


@dataclass(frozen=True)
class RandomLabels:
    """A linear head fitted to labels that were shuffled among the patients of each source, judged out of fold.

    `aurocs` holds one value per shuffle (of several labels the mean of each against the rest), `auroc` their mean with
    the interval of Student's t over the shuffles: an interval from one shuffle would be too narrow by a factor of up to
    1.4, since each pair of a held-out and a fitted case counts twice. Its level is raised so that all rows together err
    in one of twenty studies. `holds` says that it contains 0.5, as it must.
    """

    question: str
    source: str
    cases: int
    patients: int
    aurocs: tuple[float, ...]
    auroc: Interval
    holds: bool
    verdict: str


def random_labels(fits: FeatureFits, questions: Sequence[FeatureQuestion]) -> tuple[RandomLabels, ...]:
    """Return a row for each question and each source that tells two answers."""
    judgements = [entry for question in questions for entry in _judgements(fits, question)]
    level = 1 - (1 - LEVEL) / max(len(judgements), 1)
    return tuple(_row(*entry, level) for entry in judgements)


def shuffled(
    answers: NDArray[np.intp], patients: NDArray[np.intp], sources: NDArray[np.str_], random: np.random.Generator
) -> NDArray[np.intp]:
    """Return the answers (n,) dealt out anew among the patients of each source.

    The answers of a patient stay together where patients have equally many images, so that a procedure which has a
    patient on both sides is found out; among his own images they are in random order.
    """
    found = answers.copy()
    for source in np.unique(sources):
        rows = np.flatnonzero(sources == source)
        numbers = np.unique(patients[rows], return_inverse=True)[1]
        count = numbers.max() + 1
        # The same images twice: sorted by patient, and by the patients in another order.
        places = rows[np.argsort(numbers, kind="stable")]
        drawn = rows[np.lexsort((random.random(len(rows)), random.permutation(count)[numbers]))]
        found[places] = answers[drawn]
    return found


_Judgement = tuple[str, str, int, int, tuple[float, ...]]
"""Question, source, cases, patients, the AUROC of each shuffle."""


def _judgements(fits: FeatureFits, question: FeatureQuestion) -> list[_Judgement]:
    own = question.of(fits.inside[question.rows])
    own = own.of(_sampled(fits.partition.patients[own.rows], fits.plan.seed))
    part = fits.partition.of(own.rows)
    sources = np.asarray([fits.cases[row].source for row in own.rows], str)
    random = np.random.default_rng(fits.plan.seed)
    drawn = [shuffled(own.answers, part.patients, sources, random) for _ in range(_SHUFFLES)]
    if not own.judgeable:
        return []
    stage = f"Fitting random labels: {own.name}"
    scores = fits.heads(stage, own.rows, [(LINEAR, answers, len(own.labels)) for answers in drawn], part.folds)
    found = []
    for source, chosen in sources_of(fits.cases, own):
        # Over all sources the shuffled labels still follow the source, which is for the source probe to tell.
        if source != ALL_SOURCES and own.of(chosen).judgeable:
            aurocs = [
                judged(FeatureQuestion(own.name, own.labels, own.rows, answers), row, part, chosen).estimate
                for answers, row in zip(drawn, scores, strict=True)
            ]
            patients = len(np.unique(part.patients[chosen]))
            found.append((own.name, source, int(chosen.sum()), patients, tuple(aurocs)))
    return found


def _sampled(patients: NDArray[np.intp], seed: int) -> NDArray[np.bool_]:
    """Return which rows (n,) are of a random part of the patients that holds about as many cases as are wanted."""
    numbers = np.unique(patients, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(numbers.max(initial=-1) + 1)
    sizes = np.bincount(numbers)[order]
    kept = order[np.cumsum(sizes) - sizes < _MOST_CASES]
    return np.isin(numbers, kept)


def _row(
    question: str, source: str, cases: int, patients: int, aurocs: tuple[float, ...], level: float
) -> RandomLabels:
    interval = mean_interval(aurocs, level)
    holds = interval.low <= 0.5 <= interval.high
    found = f"AUROC {interval.estimate:.3f} ({interval.low:.3f} to {interval.high:.3f})"
    verdict = (
        f"Labels that mean nothing give {found}, as they must: 0.5 is inside."
        if holds
        else f"Labels that mean nothing give {found}, without 0.5: the procedure leaks, or patients are cut, and no "
        "figure of it can be trusted before that is found."
    )
    return RandomLabels(question, source, cases, patients, aurocs, interval, holds, verdict)
