"""Measures a scored part of a manifest, on all cases and for each source, with intervals and controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from radiolens.evaluation.conformal import ConformalSets
from radiolens.evaluation.controls import border_brightness_features
from radiolens.task import Task
from radiolens.validation.averages import Average, averages
from radiolens.validation.binary import Binary, binary_measures
from radiolens.validation.control import ControlPart, Controls, apart, question_controls
from radiolens.validation.plan import Plan
from radiolens.validation.prediction_sets import SetCoverage, set_coverage
from radiolens.validation.questions import ALL_SOURCES, Scored, Thresholds, questions
from radiolens.validation.subgroups import GroupMeasures, Subgroups, subgroups
from radiolens.validation.types import Types, type_measures

__all__ = [
    "Average",
    "Binary",
    "ControlPart",
    "Controls",
    "GroupMeasures",
    "Plan",
    "Scored",
    "SetCoverage",
    "Study",
    "Subgroups",
    "Types",
    "measure",
]


_PLAN = Plan()


@dataclass(frozen=True)
class Study:
    """What was measured; `settings` tells bundle, part of the manifest, seed and command line."""

    settings: Mapping[str, object]
    binary: tuple[Binary, ...]
    averages: tuple[Average, ...]
    subgroups: tuple[Subgroups, ...]
    types: tuple[Types, ...]
    prediction_sets: tuple[SetCoverage, ...] = ()


def measure(
    task: Task,
    scored: Scored,
    thresholds: Thresholds,
    plan: Plan = _PLAN,
    training: ControlPart | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    sets: Sequence[ConformalSets] = (),
) -> Study:
    """Measure every question of a task on all cases and on each source; the same input gives the same study.

    `thresholds` give each label one threshold, or one for each scored case (n,), as a cross-validation does. Training
    cases that share a patient or duplicate group with a scored case are left out of the control. `sets` make the
    prediction set of each scored case (n,); without them `prediction_sets` is empty.
    """
    asked = questions(task, scored, thresholds)
    features = border_brightness_features(scored.grey)
    others = None if training is None else apart(training, scored)
    binary = []
    for number, question in enumerate(asked, 1):
        binary.append(binary_measures(question, question_controls(task, question, features, others, plan), plan))
        progress(number, len(asked))
    settings = {
        **plan.settings,
        "seed": plan.seed,
        "resamples": plan.resamples,
        "trees": plan.trees,
        "cases": len(scored.cases),
    }
    sources = {case.source for case in scored.cases}
    return Study(
        settings,
        tuple(binary),
        tuple(averages(asked, sources, plan)),
        tuple(subgroups([part for part in asked if part.source in sources | {ALL_SOURCES}], scored)),
        tuple(type_measures(task, scored, plan)) if task.exclusive else (),
        set_coverage(task, scored, thresholds, sets, plan),
    )
