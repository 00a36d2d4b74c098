"""Temperature, bias, thresholds and prediction sets of a stored network, so that they hold in every source.

How thresholds are chosen stands in `evaluation/threshold_choice.py`, and what else was tried in docs/conformal.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.data.known_answers import known_answers
from radiolens.data.manifest import Case
from radiolens.data.splits import group_ids
from radiolens.errors import DatasetError
from radiolens.evaluation.calibration import fit_platt, fit_temperature
from radiolens.evaluation.conformal import ConformalSets, answers_of
from radiolens.evaluation.link import probabilities
from radiolens.evaluation.threshold_choice import RULE, balanced, thresholds_of
from radiolens.task import Task
from radiolens.training.losses import targets

__all__ = [
    "VALIDATION_SPLIT",
    "Calibration",
    "OperatingPoint",
    "check_both_sides",
    "operating_point",
    "source_weights",
]


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """Temperature, bias and threshold by label, in words what they were chosen on, and what makes prediction sets.

    The labels stand in the order of the network's output. Exclusive labels share one temperature and have a bias of 0.
    """

    temperature: Mapping[str, float]
    bias: Mapping[str, float]
    thresholds: Mapping[str, float]
    evidence: str
    sets: ConformalSets

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the calibrated probabilities (n, labels) of logits (n, labels)."""
        temperature, bias = list(self.temperature.values()), list(self.bias.values())
        return probabilities(logits, temperature, bias, exclusive=self.sets.exclusive)


VALIDATION_SPLIT = "the validation split"
"""What is calibrated on unless it is told otherwise, in words for the evidence."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Cases with logits (n, labels) to calibrate a network on, and in words which they are."""

    cases: tuple[Case, ...]
    logits: NDArray[np.float32]
    on: str


def operating_point(
    task: Task,
    cases: Sequence[Case],
    logits: NDArray[np.float32],
    on: str = VALIDATION_SPLIT,
    set_confidence: float = 0.0,
) -> OperatingPoint:
    """Return what makes answers of logits (n, labels), chosen on cases that the network has not seen.

    `on` says in words which they are. Temperature and bias of findings let every source weigh the same on each side, so
    that their probabilities are those at a prevalence of one half. The temperature of exclusive labels takes the cases
    as they are. `set_confidence` is that of the prediction sets, see `ConformalSets`.

    Everything that is annotated counts, also what an experiment left out of its training: a hospital's films without
    pneumonia must not be called pneumonia, whether or not the network could learn from them. Raises DatasetError if a
    label lacks present or absent cases.
    """
    wanted = targets(cases, task)
    check_both_sides(task, cases, on)
    weights = source_weights(task, cases)
    if task.exclusive:
        temperature, bias = fit_temperature(logits, wanted, exclusive=True), (0.0,) * len(task.labels)
    else:
        temperature, bias = fit_platt(logits, wanted, weights)
    scores = probabilities(logits, temperature, bias, exclusive=task.exclusive)
    answers = answers_of(task.label_names, exclusive=task.exclusive)
    sets = ConformalSets.calibrated(
        task.label_names,
        scores,
        known_answers(answers, cases, exclusive=task.exclusive),
        [case.source for case in cases],
        exclusive=task.exclusive,
        patients=group_ids(cases),
        confidence=set_confidence,
    )
    return OperatingPoint(
        temperature=dict(zip(task.label_names, temperature, strict=True)),
        bias=dict(zip(task.label_names, bias, strict=True)),
        thresholds=thresholds_of(sets),
        evidence=_evidence(task, cases, wanted, on),
        sets=sets,
    )


def check_both_sides(task: Task, cases: Sequence[Case], on: str = VALIDATION_SPLIT) -> None:
    """Raise DatasetError if nothing can be chosen on these cases, which `on` says in words: a label lacks a side."""
    sides = (0.0, 1.0) if not task.exclusive else (1.0,)
    columns = zip(task.label_names, targets(cases, task).T, strict=True)
    lacking = [name for name, column in columns if not set(sides) <= set(column)]
    if lacking:
        raise DatasetError(
            f"{on} lacks present or absent cases of {', '.join(lacking)}, so no temperature or "
            "threshold can be chosen. Give it such cases, or leave the label out of the experiment's `labels`."
        )


def source_weights(task: Task, cases: Sequence[Case]) -> NDArray[np.float64]:
    """Return weights with which every source counts the same on each side of a label.

    Findings: (n, labels); for each label present and absent cases weigh 1 in sum, shared equally by their sources.
    Exclusive labels: (n,); so does every set of possible labels. What is not annotated weighs 0.
    """
    if task.exclusive:
        return balanced([(case.source, case.possible) if case.possible else None for case in cases])
    columns = [
        balanced([None if case.labels.get(name) is None else (case.source, case.labels[name]) for case in cases])
        for name in task.label_names
    ]
    return np.stack(columns, axis=1)


def _evidence(task: Task, cases: Sequence[Case], wanted: NDArray[np.float32], on: str) -> str:
    """Return what was chosen, how, and on how many cases of which source."""
    if task.exclusive:
        counts = Counter(f"{case.source} {' or '.join(sorted(case.possible))}" for case in cases if case.possible)
        told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        return f"one half: the label is likelier than all others together. Temperature: {on}, {told}"
    best = f"best balanced accuracy on {on}, every source weighing the same among present and absent"
    return f"{best}, {RULE}. " + ". ".join(
        f"{name}: {'; '.join(_told(cases, column))}" for name, column in zip(task.label_names, wanted.T, strict=True)
    )


def _told(cases: Sequence[Case], column: NDArray[np.float32]) -> list[str]:
    counts = Counter((case.source, float(value)) for case, value in zip(cases, column, strict=True) if value >= 0)
    sources = sorted({source for source, _ in counts})
    return [f"{source} {counts[source, 1.0]} present, {counts[source, 0.0]} absent" for source in sources]
