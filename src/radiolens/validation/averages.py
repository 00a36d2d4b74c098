"""The mean of a measure over sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from radiolens.evaluation.intervals import Interval, clustered_intervals
from radiolens.evaluation.weighted import Statistic, weighted_auroc, weighted_mean_over_parts, weighted_share
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
        for measure, (statistic, answers) in _AVERAGED.items():
            used = [part for part in parts if all(part.enough(answer=answer) for answer in answers)]
            if len(used) > 1:
                interval = _mean_interval(statistic, used, plan)
                yield Average(name, measure, tuple(part.source for part in used), interval)


def _mean_interval(statistic: Callable[[Question], Statistic], parts: Sequence[Question], plan: Plan) -> Interval:
    mean = weighted_mean_over_parts([statistic(part) for part in parts], [part.truth.size for part in parts])
    groups = np.concatenate([part.groups for part in parts])
    random = np.random.default_rng(plan.seed)
    return clustered_intervals({"mean": mean}, groups, random, plan.resamples)["mean"]


_AVERAGED: Mapping[str, tuple[Callable[[Question], Statistic], tuple[bool, ...]]] = MappingProxyType(
    {
        "auroc": (lambda part: weighted_auroc(part.truth, part.scores), (False, True)),
        "sensitivity": (lambda part: weighted_share(part.called, part.truth), (True,)),
        "specificity": (lambda part: weighted_share(~part.called, ~part.truth), (False,)),
    }
)
"""Of each measure how it is computed, and the answers that a source must tell for it."""
