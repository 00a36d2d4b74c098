"""Which source is it? What the images tell of where they come from, and the source of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.discrimination import auroc
from radiolens.evaluation.heads import LINEAR
from radiolens.evaluation.intervals import Interval, clustered_bootstrap_interval
from radiolens.validation.controls.feature_fits import FeatureFits
from radiolens.validation.controls.feature_questions import FEWEST, FeatureQuestion

__all__ = ["SourceAnswer", "SourceProbe", "SourceRecognition", "SourceShare", "source_probe"]

_EVERY_CASE = "all cases"

_TOLD = 0.2
"""Of the way from chance to certainty, from which on something is told: a balanced accuracy of 0.6 of two sources, an
AUROC of 0.6. The same as the audit's weak shortcut."""


@dataclass(frozen=True)
class SourceRecognition:
    """How well a linear classifier on one kind of features names the source of an image, out of fold by patient.

    `within` says which cases: all, or those of one answer to one question, where the finding itself cannot give the
    source away. `chance` is the balanced accuracy of guessing, one over the number of sources.
    """

    features: str
    within: str
    sources: tuple[str, ...]
    cases: int
    patients: int
    chance: float
    balanced_accuracy: Interval


@dataclass(frozen=True)
class SourceShare:
    """How many cases of a source have each label (no and yes, of a yes-no question)."""

    source: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class SourceAnswer:
    """What the name of the source alone tells of the answer to a question, and what follows for every result.

    `auroc` ranks each case by the share of its source that answers yes (of several labels the mean of each against the
    rest). `exposed` means that the images tell the source and
    the source tells the answer; then an AUROC over the sources shows little. `verdict` is the sentence for the reader.
    """

    question: str
    shares: tuple[SourceShare, ...]
    auroc: Interval
    exposed: bool
    verdict: str


@dataclass(frozen=True)
class SourceProbe:
    """The probe on all kinds of features, and the verdict on every question that several sources answer."""

    recognitions: tuple[SourceRecognition, ...]
    answers: tuple[SourceAnswer, ...]


def source_probe(fits: FeatureFits, questions: Sequence[FeatureQuestion]) -> SourceProbe:
    """Return how well each kind of features names the source, over all cases and among those of the same answer.

    Only sources of at least ten such cases count, and only cases that may be fitted on.
    """
    own = [question.of(fits.inside[question.rows]) for question in questions]
    parts = {_EVERY_CASE: np.flatnonzero(fits.inside)}
    parts |= {name: rows for question in own for name, rows in _by_answer(question)}
    found: dict[str, list[SourceRecognition]] = {}
    for number, (within, rows) in enumerate(parts.items(), 1):
        found[within] = list(_recognitions(fits, within, rows))
        fits.progress("Probing for the source", number, len(parts))
    answers = [_answer(fits, question, found) for question in own if len(_names(fits, question.rows)) > 1]
    return SourceProbe(tuple(entry for entries in found.values() for entry in entries), tuple(answers))


def _by_answer(question: FeatureQuestion) -> Iterator[tuple[str, NDArray[np.intp]]]:
    for number, label in enumerate(question.labels):
        yield f"{question.name}: {label}", question.rows[question.answers == number]


def _names(fits: FeatureFits, rows: NDArray[np.intp]) -> tuple[str, ...]:
    """Return the sources of at least ten of these cases."""
    names, counts = np.unique([fits.cases[row].source for row in rows], return_counts=True)
    return tuple(str(name) for name, count in zip(names, counts, strict=True) if count >= FEWEST)


def _recognitions(fits: FeatureFits, within: str, rows: NDArray[np.intp]) -> Iterator[SourceRecognition]:
    names = _names(fits, rows)
    rows = np.asarray([row for row in rows if fits.cases[row].source in names], np.intp)
    numbers = np.asarray([names.index(fits.cases[row].source) for row in rows], np.intp)
    part = fits.partition.of(rows)
    for kind in fits.features.kinds if len(names) > 1 and fits.can_be_cut(rows) else ():
        (scores,) = fits.heads("Probing for the source", rows, [(LINEAR, numbers, len(names))], part.folds, kind)
        random = np.random.default_rng(fits.plan.seed)
        measure = partial(_balanced_accuracy, count=len(names))
        arrays = [numbers, scores.argmax(axis=1)]
        yield SourceRecognition(
            features=kind,
            within=within,
            sources=names,
            cases=len(rows),
            patients=len(np.unique(part.patients)),
            chance=1 / len(names),
            balanced_accuracy=clustered_bootstrap_interval(measure, arrays, part.patients, random, fits.plan.resamples),
        )


def _balanced_accuracy(numbers: NDArray[np.intp], called: NDArray[np.intp], count: int) -> float:
    """Return the mean share of each source that was named rightly; sources that a draw lacks are left out."""
    wanted = np.bincount(numbers, minlength=count)
    hits = np.bincount(numbers[numbers == called], minlength=count)
    return float(np.mean(hits[wanted > 0] / wanted[wanted > 0]))


def _answer(
    fits: FeatureFits, question: FeatureQuestion, recognitions: dict[str, list[SourceRecognition]]
) -> SourceAnswer:
    sources = np.asarray([fits.cases[row].source for row in question.rows], str)
    names, numbers = np.unique(sources, return_inverse=True)
    table = np.zeros((len(names), len(question.labels)), int)
    np.add.at(table, (numbers, question.answers), 1)
    groups = fits.partition.patients[question.rows]
    random = np.random.default_rng(fits.plan.seed)
    interval = clustered_bootstrap_interval(
        partial(_auroc_of_source, labels=len(question.labels)),
        [numbers, question.answers],
        groups,
        random,
        fits.plan.resamples,
    )
    shares = tuple(
        SourceShare(str(name), tuple(zip(question.labels, counts.tolist(), strict=True)))
        for name, counts in zip(names, table, strict=True)
    )
    within = [entry for name, _ in _by_answer(question) for entry in recognitions.get(name, ())]
    best = max(within, key=lambda entry: _way(entry.balanced_accuracy.low, entry.chance), default=None)
    exposed = (
        best is not None and _way(best.balanced_accuracy.low, best.chance) >= _TOLD and _way(interval.low, 0.5) >= _TOLD
    )
    return SourceAnswer(question.name, shares, interval, exposed, _verdict(question, interval, best))


def _auroc_of_source(numbers: NDArray[np.intp], answers: NDArray[np.intp], labels: int) -> float:
    """Return the AUROC of each case's source, scored by its share of a label; the mean over the labels, or of yes."""
    sizes = np.maximum(np.bincount(numbers), 1)
    values = []
    for label in range(labels) if labels > 2 else (1,):
        truth = answers == label
        if truth.any() and not truth.all():
            values.append(auroc(truth, (np.bincount(numbers, truth) / sizes)[numbers]))
    return float(np.mean(values)) if values else np.nan


def _way(value: float, chance: float) -> float:
    """Return how far a value has come from chance (0) to certainty (1); 0 where it is not defined."""
    return (value - chance) / (1 - chance) if np.isfinite(value) else 0.0


def _verdict(question: FeatureQuestion, interval: Interval, best: SourceRecognition | None) -> str:
    source_tells = _way(interval.low, 0.5) >= _TOLD
    of_source = f"the source alone gives {question.name!r} away with AUROC {interval.estimate:.3f}"
    if best is None:
        told = f"No answer to {question.name!r} comes from two sources"
        return (
            f"{told}, and {of_source}: source and answer cannot be told apart here, so no AUROC over the sources shows "
            "anything."
            if source_tells
            else f"{told}, so whether images tell the source cannot be judged among equal answers."
        )
    named = f"{best.balanced_accuracy.estimate:.3f}, guessing {best.chance:.3f}"
    images_tell = _way(best.balanced_accuracy.low, best.chance) >= _TOLD
    told = (
        f"The images give their source away (from {best.features}, among {best.within!r}, balanced accuracy {named})"
        if images_tell
        else f"The images hardly tell their source (best from {best.features}, balanced accuracy {named})"
    )
    if images_tell and source_tells:
        return f"{told}, and {of_source}: an AUROC over the sources shows little. Judge within each source."
    if images_tell:
        return f"{told}, but {of_source}, hardly more than chance: knowing the source gains a network little."
    return f"{told}" + (f", although {of_source}." if source_tells else f", and {of_source}.")
