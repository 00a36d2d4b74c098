"""What the height of a slice in its volume alone tells of the answer."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval

__all__ = ["SlicePosition"]


@dataclass(frozen=True)
class SlicePosition:
    """A forest on a slice's position alone (its number, and its place between first and last of the patient).

    `auroc` is judged out of fold by patient on all cases of the manifest that were not set aside as external,
    `on_scored` on those of them that the network was judged on (nan if too few).
    """

    question: str
    source: str
    cases: int
    patients: int
    auroc: Interval
    on_scored: Interval
