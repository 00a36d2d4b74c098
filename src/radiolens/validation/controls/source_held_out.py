"""A source that a fit has never seen: what is left of its result there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.validation.controls.feature_fits import FeatureFits, judged, ranked
from radiolens.validation.controls.feature_questions import FEWEST, FeatureQuestion

__all__ = ["SourceHeldOut", "sources_held_out"]


@dataclass(frozen=True)
class SourceHeldOut:
    """A linear head fitted on all other sources and judged on this one, beside the same within the source.

    `auroc` (of several labels the mean of each against the rest) is that of the head on features of the untouched
    ImageNet network, `control` that of a forest on borders and brightness, fitted on the same cases. `inside` is the
    head's AUROC on the same cases when other patients of this source were among those it was fitted on (nan of an
    external source, which is never fitted on). A source of one answer alone stands as "<source> against the others":
    judged against the other answer of the others, which are left out of the fit for it in turn.
    """

    question: str
    source: str
    fitted_on: tuple[str, ...]
    fitted_cases: int
    cases: int
    patients: int
    auroc: Interval
    control: Interval
    inside: Interval


_Trial = tuple[FeatureQuestion, FeatureQuestion]
"""What is fitted on, and what is judged by that fit."""


def sources_held_out(
    fits: FeatureFits, questions: Sequence[FeatureQuestion], by_patient: Mapping[str, NDArray[np.float64]]
) -> Iterator[SourceHeldOut]:
    """Yield a row for each question and each source, if the other sources tell two answers.

    A source that tells one answer alone is judged against the other answer of the other sources: in turn each fold of
    these is left out of the fit for it. `by_patient` holds the linear head's scores out of fold for the cases of each
    question that may be fitted on.
    """
    for question in questions:
        sources = sorted({fits.cases[row].source for row in question.rows})
        for number, source in enumerate(sources, 1):
            name, trials = _trials(fits, question, source)
            if trials:
                yield _row(fits, name, trials, _inside(fits, question, trials, by_patient))
            fits.progress(f"Holding out sources: {question.name}", number, len(sources))


def _trials(fits: FeatureFits, question: FeatureQuestion, source: str) -> tuple[str, list[_Trial]]:
    """Return how the source is called in the row, and the fits that never saw it, with what each is to judge."""
    of_source = np.asarray([fits.cases[row].source == source for row in question.rows], bool)
    units = fits.partition.units[question.rows]
    others = question.of(~np.isin(units, units[of_source]) & fits.inside[question.rows])
    held_out = question.of(of_source)
    if not others.judgeable:
        return source, []
    if held_out.judgeable:
        return source, [(others, held_out)]
    folds = fits.partition.folds[others.rows]
    one_sided = len(question.labels) == 2 and len(np.unique(held_out.answers)) == 1 and len(held_out.rows) >= FEWEST
    if not one_sided or not fits.can_be_cut(others.rows):
        return source, []
    against = others.answers != held_out.answers[0]
    return f"{source} against the others", [
        (others.of(folds != fold), _joined(held_out, others.of(against & (folds == fold)))) for fold in np.unique(folds)
    ]


def _joined(first: FeatureQuestion, second: FeatureQuestion) -> FeatureQuestion:
    rows, answers = np.append(first.rows, second.rows), np.append(first.answers, second.answers)
    return FeatureQuestion(first.name, first.labels, rows, answers)


def _row(fits: FeatureFits, name: str, trials: Sequence[_Trial], inside: Interval) -> SourceHeldOut:
    judged_rows = np.concatenate([held_out.rows for _, held_out in trials])
    fitted_rows = np.unique(np.concatenate([fitted.rows for fitted, _ in trials]))
    patients = fits.partition.patients[judged_rows]
    folds = np.repeat(np.arange(len(trials)), [len(held_out.rows) for _, held_out in trials])

    def judge(scores_of: Callable[[FeatureQuestion, NDArray[np.intp]], NDArray[np.float64]]) -> Interval:
        found = [ranked(held_out, scores_of(fitted, held_out.rows)) for fitted, held_out in trials]
        truth, ranks = (np.concatenate(part) for part in zip(*found, strict=True))
        return auroc_within_folds(truth, ranks, folds, patients)

    return SourceHeldOut(
        question=trials[0][0].name,
        source=name,
        fitted_on=tuple(sorted({fits.cases[row].source for row in fitted_rows})),
        fitted_cases=len(fitted_rows),
        cases=len(np.unique(judged_rows)),
        patients=len(np.unique(patients)),
        auroc=judge(fits.transferred),
        control=judge(fits.forest),
        inside=inside,
    )


def _inside(
    fits: FeatureFits,
    question: FeatureQuestion,
    trials: Sequence[_Trial],
    by_patient: Mapping[str, NDArray[np.float64]],
) -> Interval:
    own = question.of(fits.inside[question.rows])
    chosen = np.isin(own.rows, np.concatenate([held_out.rows for _, held_out in trials]))
    if question.name not in by_patient or not own.of(chosen).judgeable:
        return Interval(np.nan, np.nan, np.nan, LEVEL, "too few cases")
    return judged(own, by_patient[question.name], fits.partition.of(own.rows), chosen)
