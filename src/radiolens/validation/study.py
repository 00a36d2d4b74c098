"""Measures a scored part of a manifest, on all cases and for each source, with intervals and controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.data.splits import group_ids
from radiolens.evaluation.calibration import Bin, brier_score, expected_calibration_error, reliability_bins
from radiolens.evaluation.controls import TREES, border_brightness_features, out_of_fold_scores, transferred_scores
from radiolens.evaluation.discrimination import Confusion, auprc, auroc, confusion, confusion_matrix, macro_f1
from radiolens.evaluation.intervals import (
    Interval,
    auroc_difference_interval,
    auroc_interval,
    clustered_bootstrap_interval,
    share_interval,
)
from radiolens.evaluation.subgroups import Subgroup, by_group
from radiolens.task import Task
from radiolens.validation.questions import ALL_SOURCES, Question, Scored, parts_by_source, questions, truth

__all__ = ["Average", "Binary", "ControlPart", "Controls", "Plan", "Scored", "Study", "Subgroups", "Types", "measure"]

_FEWEST = 10
"""Of each class: an AUROC of fewer is nan, since its interval would say nothing."""


@dataclass(frozen=True, eq=False)
class ControlPart:
    """The training part on which the control may be fitted: its cases and features (n, 12), row by row."""

    cases: tuple[Case, ...]
    features: NDArray[np.float64]


@dataclass(frozen=True)
class Controls:
    """What borders and brightness alone reach on the same images, as AUROC, with two forests.

    `out_of_fold` is fitted on other patients of these very images, `trained` on the manifest's training part (of the
    same source, where that tells both answers); nan without one. `difference` is the network's AUROC less that out of
    fold.
    """

    out_of_fold: Interval
    trained: Interval
    trained_on: str
    difference: Interval


@dataclass(frozen=True)
class Binary:
    """One yes-no question on one source.

    `patients` counts groups of patients or duplicates. Where a source names neither, each image counts as a patient,
    and every interval is narrower than it should be.

    The shares and `balanced_accuracy` are at `threshold`. `auroc` is nan with fewer than ten cases of a class.
    """

    question: str
    source: str
    positives: int
    negatives: int
    patients: int
    auroc: Interval
    auroc_clustered: Interval
    auprc: Interval
    controls: Controls
    threshold: float
    counts: Confusion
    sensitivity: Interval
    specificity: Interval
    ppv: Interval
    npv: Interval
    f1: float
    balanced_accuracy: float
    brier_score: float
    expected_calibration_error: float
    reliability: tuple[Bin, ...]


@dataclass(frozen=True)
class Average:
    """The mean of a measure of one question over the sources that tell it, each counting the same.

    `measure` is auroc, sensitivity or specificity; `interval` is that of a bootstrap over patients.
    """

    question: str
    measure: str
    sources: tuple[str, ...]
    interval: Interval


@dataclass(frozen=True)
class Subgroups:
    """The AUROC of one question on one source by what its cases say of themselves: `attribute` is age, sex or view."""

    question: str
    source: str
    attribute: str
    groups: tuple[Subgroup, ...]


@dataclass(frozen=True)
class Types:
    """Naming one of several exclusive types on one source, by the likeliest label.

    Only cases of one known type count. `confusion` has a row per type and a column per label of `answers`: the types,
    then the normal labels, which are always wrong here.
    """

    source: str
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    cases: int
    macro_f1: Interval
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Study:
    """What was measured; `settings` tells bundle, part of the manifest, seed and command line."""

    settings: Mapping[str, object]
    binary: tuple[Binary, ...]
    averages: tuple[Average, ...]
    subgroups: tuple[Subgroups, ...]
    types: tuple[Types, ...]


@dataclass(frozen=True)
class Plan:
    """How a study is made: `seed` of bootstrap and forests, `resamples` of the one, `trees` of the others.

    `settings` are facts to keep with the study.
    """

    seed: int = 0
    resamples: int = 1000
    trees: int = TREES
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


def measure(
    task: Task,
    scored: Scored,
    thresholds: Mapping[str, float],
    plan: Plan = Plan(),
    training: ControlPart | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Study:
    """Measure every question of a task on all cases and on each source; the same input gives the same study.

    Training cases that share a patient or duplicate group with a scored case are left out of the control.
    """
    asked = questions(task, scored, thresholds)
    features = border_brightness_features(scored.grey)
    apart = None if training is None else _apart(training, scored)
    binary = []
    for number, question in enumerate(asked, 1):
        binary.append(_binary(question, _controls(task, question, features, apart, plan), plan))
        progress(number, len(asked))
    types = tuple(_types(task, scored, plan)) if task.exclusive else ()
    settings = {
        **plan.settings,
        "seed": plan.seed,
        "resamples": plan.resamples,
        "trees": plan.trees,
        "cases": len(scored.cases),
    }
    sources = {case.source for case in scored.cases}
    averages = tuple(_averages(asked, sources, plan))
    subgroups = tuple(_subgroups([part for part in asked if part.source in sources], scored))
    return Study(settings, tuple(binary), averages, subgroups, types)


def _binary(question: Question, controls: Controls, plan: Plan) -> Binary:
    answers, scores = question.truth, question.scores
    counts = confusion(answers, question.called)
    return Binary(
        question=question.name,
        source=question.source,
        positives=counts.positives,
        negatives=counts.negatives,
        patients=len(np.unique(question.groups)),
        auroc=_auroc_interval(question, scores),
        auroc_clustered=_bootstrap(auroc, question, plan),
        auprc=_bootstrap(auprc, question, plan),
        controls=controls,
        threshold=question.threshold,
        counts=counts,
        sensitivity=share_interval(counts.true_positives, counts.positives),
        specificity=share_interval(counts.true_negatives, counts.negatives),
        ppv=share_interval(counts.true_positives, counts.true_positives + counts.false_positives),
        npv=share_interval(counts.true_negatives, counts.true_negatives + counts.false_negatives),
        f1=counts.f1,
        balanced_accuracy=counts.balanced_accuracy,
        brier_score=brier_score(answers, scores),
        expected_calibration_error=expected_calibration_error(answers, scores),
        reliability=reliability_bins(answers, scores),
    )


def _controls(
    task: Task, question: Question, features: NDArray[np.float64], training: ControlPart | None, plan: Plan
) -> Controls:
    if not _judgeable(question):
        nothing = _not_defined("too few cases")
        return Controls(nothing, nothing, "", nothing)
    own = features[question.rows]
    held_out = out_of_fold_scores(own, question.truth, question.groups, plan.seed, plan.trees)
    trained, trained_on = _trained_scores(task, question, own, training, plan)
    return Controls(
        out_of_fold=_auroc_interval(question, held_out),
        trained=_auroc_interval(question, trained),
        trained_on=trained_on,
        difference=_difference_interval(question, held_out),
    )


def _trained_scores(
    task: Task, question: Question, own: NDArray[np.float64], training: ControlPart | None, plan: Plan
) -> tuple[NDArray[np.float64], str]:
    """Return the scores of a forest fitted on the training part (nan without one), and what it was fitted on."""
    if training is None:
        return np.full(len(own), np.nan), ""
    answers = truth(task, question.name, training.cases)
    same = np.asarray([case.source == question.source for case in training.cases], bool) & (answers >= 0)
    used, name = (same, question.source) if len(np.unique(answers[same])) == 2 else (answers >= 0, ALL_SOURCES)
    scores = transferred_scores(training.features[used], answers[used], own, plan.seed, plan.trees)
    return scores, f"{np.count_nonzero(used)} training cases, source {name}"


def _apart(training: ControlPart, scored: Scored) -> ControlPart:
    """Return the training part without the groups of the scored cases."""
    groups = np.asarray(group_ids([*scored.cases, *training.cases]))
    own, others = groups[: len(scored.cases)], groups[len(scored.cases) :]
    kept = ~np.isin(others, own)
    return ControlPart(tuple(np.asarray(training.cases, object)[kept]), training.features[kept])


def _averages(asked: Sequence[Question], sources: Set[str], plan: Plan) -> Iterator[Average]:
    """Yield the means over sources: of a question in the parts of single sources, if at least two tell it."""
    for name in dict.fromkeys(question.name for question in asked):
        parts = [part for part in asked if part.name == name and part.source in sources]
        for measure, (metric, classes) in _AVERAGED.items():
            used = [part for part in parts if all(_enough(part, answer=answer) for answer in classes)]
            if len(used) > 1:
                yield Average(name, measure, tuple(part.source for part in used), _mean_interval(metric, used, plan))


def _subgroups(asked: Sequence[Question], scored: Scored) -> Iterator[Subgroups]:
    """Yield the groups of each question that can be judged, by every attribute of which the source tells two values."""
    for question in filter(_judgeable, asked):
        for attribute, value_of in _ATTRIBUTES.items():
            values = np.asarray([value_of(scored.cases[row]) for row in question.rows], str)
            told = values != ""
            if len(set(values[told].tolist())) > 1:
                arrays = [question.truth[told], question.scores[told]]
                groups = by_group(auroc_interval, arrays, values[told])
                yield Subgroups(question.name, question.source, attribute, groups)


def _age_band(case: Case) -> str:
    """Return the band of age; children and the old differ most from those a network mostly learns from."""
    if case.age is None:
        return ""
    return "0 to 17" if case.age < 18 else "18 to 59" if case.age < 60 else "60 and older"


_ATTRIBUTES: Mapping[str, Callable[[Case], str]] = MappingProxyType(
    {"age": _age_band, "sex": lambda case: case.sex, "view": lambda case: case.view}
)


def _mean_interval(metric: Callable[..., float], parts: Sequence[Question], plan: Plan) -> Interval:
    numbers = np.concatenate([np.full(part.truth.size, number) for number, part in enumerate(parts)])
    arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in ("truth", "scores", "called")]

    def mean(numbers: NDArray[np.intp], *arrays: NDArray[Any]) -> float:
        each = [metric(*(array[numbers == number] for array in arrays)) for number in range(len(parts))]
        return float(np.mean(each))

    groups = np.concatenate([part.groups for part in parts])
    random = np.random.default_rng(plan.seed)
    return clustered_bootstrap_interval(mean, [numbers, *arrays], groups, random, plan.resamples)


_AVERAGED: Mapping[str, tuple[Callable[..., float], tuple[bool, ...]]] = MappingProxyType(
    {
        "auroc": (lambda truth, scores, called: auroc(truth, scores), (False, True)),
        "sensitivity": (lambda truth, scores, called: confusion(truth, called).sensitivity, (True,)),
        "specificity": (lambda truth, scores, called: confusion(truth, called).specificity, (False,)),
    }
)
"""Of each measure how it is computed, and the answers that a source must tell for it."""


def _types(task: Task, scored: Scored, plan: Plan) -> Iterator[Types]:
    types = tuple(label.name for label in task.labels if not label.normal)
    answers = (*types, *(label.name for label in task.labels if label.normal))
    order = [task.label_names.index(name) for name in answers]
    called = scored.probabilities[:, order].argmax(axis=1)
    groups = np.asarray(group_ids(scored.cases))
    known = ([name for name in answers if case.possible == {name}] for case in scored.cases)
    numbers = np.asarray([answers.index(names[0]) if names else len(answers) for names in known])
    for source, used in parts_by_source(scored.cases, numbers < len(types)):
        yield Types(
            source=source,
            labels=types,
            answers=answers,
            cases=len(used),
            macro_f1=_macro_f1_interval(numbers[used], called[used], groups[used], len(types), plan),
            confusion=_rows(confusion_matrix(numbers[used], called[used], len(answers))[: len(types)]),
        )


def _macro_f1_interval(
    numbers: NDArray[np.intp], called: NDArray[np.intp], groups: NDArray[np.intp], types: int, plan: Plan
) -> Interval:
    # A type that no case has is left out, so that a source of two types has a mean, too.
    present = [number for number in range(types) if (numbers == number).any()]
    random = np.random.default_rng(plan.seed)
    return clustered_bootstrap_interval(
        lambda answers, calls: macro_f1(answers, calls, present), [numbers, called], groups, random, plan.resamples
    )


def _bootstrap(metric: Callable[..., float], question: Question, plan: Plan) -> Interval:
    if not _judgeable(question):
        return _not_defined("too few cases")
    random = np.random.default_rng(plan.seed)
    arrays = [question.truth, question.scores]
    return clustered_bootstrap_interval(metric, arrays, question.groups, random, plan.resamples)


def _auroc_interval(question: Question, scores: NDArray[np.float64]) -> Interval:
    if not _judgeable(question) or np.isnan(scores).any():
        return _not_defined("DeLong")
    return auroc_interval(question.truth, scores)


def _difference_interval(question: Question, control: NDArray[np.float64]) -> Interval:
    if np.isnan(control).any():
        return _not_defined("paired DeLong")
    return auroc_difference_interval(question.truth, question.scores, control)


def _judgeable(question: Question) -> bool:
    return _enough(question, answer=True) and _enough(question, answer=False)


def _enough(question: Question, *, answer: bool) -> bool:
    return int(np.count_nonzero(question.truth == answer)) >= _FEWEST


def _not_defined(method: str) -> Interval:
    return Interval(np.nan, np.nan, np.nan, np.nan, method)


def _rows(matrix: NDArray[np.intp]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(count) for count in row) for row in matrix)
