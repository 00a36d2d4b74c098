"""A source that a fit has never seen: what is left of its result there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.validation.feature_fits import FeatureFits, judged, ranked
from radiolens.validation.feature_questions import FeatureQuestion

__all__ = ["SourceHeldOut", "sources_held_out"]


@dataclass(frozen=True)
class SourceHeldOut:
    """A linear head fitted on all other sources and judged on this one, beside the same within the source.

    `auroc` (of several labels the mean of each against the rest) is that of the head on features of the untouched
    ImageNet network, `control` that of a forest on borders and brightness, fitted on the same cases. `inside` is the
    head's AUROC on the same cases when other patients of this source were among those it was fitted on (nan of an
    external source, which is never fitted on).
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


def sources_held_out(
    fits: FeatureFits, questions: Sequence[FeatureQuestion], by_patient: Mapping[str, NDArray[np.float64]]
) -> Iterator[SourceHeldOut]:
    """Yield a row for each question and each source that tells two answers, if the other sources do as well.

    `by_patient` holds the linear head's scores out of fold for the cases of each question that may be fitted on.
    """
    names = np.asarray([case.source for case in fits.cases], str)
    for question in questions:
        sources = names[question.rows]
        for number, source in enumerate(found := sorted(set(sources.tolist())), 1):
            held_out = question.of(sources == source)
            units = np.isin(fits.partition.units[question.rows], fits.partition.units[held_out.rows])
            fitted = question.of((sources != source) & ~units & fits.inside[question.rows])
            if held_out.judgeable and fitted.judgeable:
                inside = _inside(fits, question, source, by_patient)
                yield _row(fits, source, fitted, held_out, inside)
            fits.progress(f"Holding out sources: {question.name}", number, len(found))


def _row(
    fits: FeatureFits, source: str, fitted: FeatureQuestion, held_out: FeatureQuestion, inside: Interval
) -> SourceHeldOut:
    patients = fits.partition.patients[held_out.rows]

    def judge(scores: NDArray[np.float64]) -> Interval:
        truth, ranks = ranked(held_out, scores)
        return auroc_within_folds(truth, ranks, np.zeros(len(patients), np.intp), patients)

    return SourceHeldOut(
        question=held_out.name,
        source=source,
        fitted_on=tuple(sorted({fits.cases[row].source for row in fitted.rows})),
        fitted_cases=len(fitted.rows),
        cases=len(held_out.rows),
        patients=len(np.unique(patients)),
        auroc=judge(fits.transferred(fitted, held_out.rows)),
        control=judge(fits.forest(fitted, held_out.rows)),
        inside=inside,
    )


def _inside(
    fits: FeatureFits, question: FeatureQuestion, source: str, by_patient: Mapping[str, NDArray[np.float64]]
) -> Interval:
    own = question.of(fits.inside[question.rows])
    chosen = np.asarray([fits.cases[row].source == source for row in own.rows], bool)
    if question.name not in by_patient or not own.of(chosen).judgeable:
        return Interval(np.nan, np.nan, np.nan, LEVEL, "too few cases")
    return judged(own, by_patient[question.name], fits.partition.of(own.rows), chosen)
