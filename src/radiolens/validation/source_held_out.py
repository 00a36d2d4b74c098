"""A source that a fit has never seen: what is left of its result there."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval

__all__ = ["SourceHeldOut"]


@dataclass(frozen=True)
class SourceHeldOut:
    """A linear head fitted on all other sources and judged on this one, beside the same within the source.

    `auroc` (of several labels the mean of each against the rest) is that of the head on features of the untouched
    ImageNet network, `control` that of a forest on borders and brightness, fitted on the same cases. `inside` is the
    head's AUROC on the same cases when other patients of this source were among those it was fitted on.
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
