"""The cut-offs among which a person chooses with a slider, and the rule that a choice stands for."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.cut_offs import CutOff, CutOffs, Practice, cut_offs, judged_cut_offs
from radiolens.evaluation.intervals import LEVEL
from radiolens.evaluation.threshold_plan import LocalCases, check_enough
from radiolens.evaluation.thresholds import Criterion, Rule, choose

__all__ = ["MOST_STEPS", "PlanSteps", "offered_steps", "rule_of_step"]

_Kind = TypeVar("_Kind", np.intp, np.float64)

MOST_STEPS = 200
"""Of a slider: more than a hand can tell apart. Of more cut-offs every so manieth is offered."""

_ROC_POINTS = 400
"""More than pixels on the side of a drawn curve."""

_DIGITS = 1e4
"""A rule tells its target with four digits, rounded down, so that rounding never asks for more than was chosen."""


@dataclass(frozen=True, eq=False)
class PlanSteps:
    """`steps` by ascending threshold, each the highest cut-off at its sensitivity, so no other one is of use.

    `points` are the same cut-offs as rows. `roc` (m, 2) holds share of false alarms and sensitivity, from (0, 0) to
    (1, 1).
    """

    steps: tuple[CutOff, ...]
    points: CutOffs
    roc: NDArray[np.float64]

    def at(self, rule: Rule) -> int | None:
        """Return the step that the rule, not one of cost, chooses among the steps; None if none reaches its target."""
        return choose(self.points, rule, Practice(0.5))  # only costs hang on the prevalence


def offered_steps(cases: LocalCases, practice: Practice, most: int = MOST_STEPS, level: float = LEVEL) -> PlanSteps:
    """Return at most `most` cut-offs with what each would do where the test is used.

    Raises DatasetError if a class has fewer than ten cases.
    """
    check_enough(cases)
    every = cut_offs(cases.truth, cases.scores, cases.callable_rows)
    alarms, found = 1 - every.specificity[::-1], every.sensitivity[::-1]
    roc = np.stack([np.concatenate([[0.0], alarms, [1.0]]), np.concatenate([[0.0], found, [1.0]])], axis=1)
    points = every.at(_some(every.useful, most))
    return PlanSteps(judged_cut_offs(points, practice, level), points, _some(roc, _ROC_POINTS))


def rule_of_step(step: CutOff, level: float = LEVEL) -> Rule:
    """Return the rule that chooses a step: the highest cut-off with at least its sensitivity."""
    return Rule(Criterion.SENSITIVITY, floor(step.sensitivity.estimate * _DIGITS + 1e-9) / _DIGITS, level=level)


def _some(rows: NDArray[_Kind], most: int) -> NDArray[_Kind]:
    """Return at most `most` rows, evenly spread, the first and the last with them."""
    if len(rows) <= most:
        return rows
    return rows[np.unique(np.linspace(0, len(rows) - 1, most).round().astype(np.intp))]
