"""The mean of a measure over sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.discrimination import auroc, confusion
from radiolens.evaluation.intervals import Interval, clustered_bootstrap_interval
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Question

__all__ = ["Average", "averages"]


@dataclass(frozen=True)
class Average:
    """The mean of a measure of one question over the sources that tell it, each counting the same.

    `measure` is auroc, sensitivity or specificity; `interval` is that of a bootstrap over patients.
    """

    question: str
    measure: str
    sources: tuple[str, ...]
    interval: Interval


def averages(asked: Sequence[Question], sources: Set[str], plan: Plan) -> Iterator[Average]:
    """Yield the means over sources: of a question in the parts of single sources, if at least two tell it."""
    for name in dict.fromkeys(question.name for question in asked):
        parts = [part for part in asked if part.name == name and part.source in sources]
        for measure, (metric, classes) in _AVERAGED.items():
            used = [part for part in parts if all(part.enough(answer=answer) for answer in classes)]
            if len(used) > 1:
                yield Average(name, measure, tuple(part.source for part in used), _mean_interval(metric, used, plan))


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
