"""The border-and-brightness control of one question: what reaches the same without any anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.data.splits import group_ids
from radiolens.evaluation.controls import out_of_fold_scores, transferred_scores
from radiolens.evaluation.intervals import Interval, auroc_difference_interval, auroc_interval, not_defined
from radiolens.task import Task
from radiolens.validation.plan import Plan
from radiolens.validation.questions import ALL_SOURCES, Question, Scored, truth

__all__ = ["ControlPart", "Controls", "apart", "question_controls"]


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


def question_controls(
    task: Task, question: Question, features: NDArray[np.float64], training: ControlPart | None, plan: Plan
) -> Controls:
    """Return the controls of a question; `features` (n, 12) stand beside the scored cases."""
    if not question.judgeable:
        nothing = not_defined("too few cases")
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


def apart(training: ControlPart, scored: Scored) -> ControlPart:
    """Return the training part without the groups of the scored cases."""
    groups = np.asarray(group_ids([*scored.cases, *training.cases]))
    own, others = groups[: len(scored.cases)], groups[len(scored.cases) :]
    kept = ~np.isin(others, own)
    return ControlPart(tuple(np.asarray(training.cases, object)[kept]), training.features[kept])


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


def _auroc_interval(question: Question, scores: NDArray[np.float64]) -> Interval:
    return not_defined("no control") if np.isnan(scores).any() else auroc_interval(question.truth, scores)


def _difference_interval(question: Question, control: NDArray[np.float64]) -> Interval:
    if np.isnan(control).any():
        return not_defined("paired DeLong")
    return auroc_difference_interval(question.truth, question.scores, control)
