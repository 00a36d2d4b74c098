"""Two versions of a network on the same images: how far they agree, and where they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from radiolens import evaluation
from radiolens.prediction import Presence
from radiolens.web.administration.outcomes import Answered, Pair

if TYPE_CHECKING:  # loaded when they are first used, since they bring scipy
    from radiolens.evaluation import Agreement, AurocGain, Interval

__all__ = ["Comparison", "Difference", "LabelComparison", "compare"]

_SEED = 0
"""Of the bootstrap: the same cases give the same intervals."""


@dataclass(frozen=True)
class LabelComparison:
    """One label: `table` counts images by both decisions, the active version's first.

    `active_auroc` and `gain` (of the shadow over it) are judged on the `known` images of cases whose outcome is known,
    None where a class of it has fewer than ten cases.
    """

    label: str
    agreement: Agreement
    table: Mapping[tuple[Presence, Presence], int]
    known: int
    active_auroc: Interval | None
    gain: Interval | None


@dataclass(frozen=True)
class Difference:
    """An image of which the two decide differently on a label, with both probabilities."""

    case_id: UUID
    label: str
    active: tuple[Presence, float]
    shadow: tuple[Presence, float]


@dataclass(frozen=True)
class Comparison:
    """Both versions on the same images: `images` that both answered, of `cases`; refusals by one or both."""

    images: int
    cases: int
    refused_by_shadow: int
    labels: tuple[LabelComparison, ...]
    differences: tuple[Difference, ...]


def compare(
    pairs: Sequence[Pair], labels: Sequence[str], outcomes: Mapping[UUID, Mapping[str, Presence]]
) -> Comparison:
    """Return how far two versions agree on the labels that both know; intervals draw cases, not images."""
    both = [(pair.first, pair.second) for pair in pairs if pair.first and pair.second]
    differences = [
        Difference(one.case_id, label, _said(one, label), _said(other, label))
        for one, other in both
        for label in labels
        if one.presences[label] is not other.presences[label]
    ]
    differences.sort(key=lambda entry: -abs(entry.active[1] - entry.shadow[1]))
    return Comparison(
        images=len(both),
        cases=len({one.case_id for one, _other in both}),
        refused_by_shadow=sum(pair.first is not None and pair.second is None for pair in pairs),
        labels=tuple(_compared(both, label, outcomes) for label in labels) if both else (),
        differences=tuple(differences),
    )


def _compared(
    both: Sequence[tuple[Answered, Answered]], label: str, outcomes: Mapping[UUID, Mapping[str, Presence]]
) -> LabelComparison:
    first, second = ([entry.presences[label] for entry in side] for side in zip(*both, strict=True))
    groups = [str(one.case_id) for one, _other in both]
    known = [(one, other) for one, other in both if label in outcomes.get(one.case_id, {})]
    found = _gain(known, label, outcomes)
    return LabelComparison(
        label=label,
        agreement=evaluation.agreement_of(first, second, groups, np.random.default_rng(_SEED)),
        table=Counter(zip(first, second, strict=True)),
        known=len(known),
        active_auroc=found.first if found else None,
        gain=found.gain if found else None,
    )


def _gain(
    known: Sequence[tuple[Answered, Answered]], label: str, outcomes: Mapping[UUID, Mapping[str, Presence]]
) -> AurocGain | None:
    """Return what the second gains over the first, None with too few cases of a class to tell."""
    present = {one.case_id: outcomes[one.case_id][label] is Presence.PRESENT for one, _other in known}
    if min(sum(present.values()), len(present) - sum(present.values())) < evaluation.FEWEST:  # as of a plan
        return None
    return evaluation.auroc_gain(
        [present[one.case_id] for one, _other in known],
        [one.probabilities[label] for one, _other in known],
        [other.probabilities[label] for _one, other in known],
        [str(one.case_id) for one, _other in known],
        np.random.default_rng(_SEED),
    )


def _said(entry: Answered, label: str) -> tuple[Presence, float]:
    return entry.presences[label], entry.probabilities[label]
