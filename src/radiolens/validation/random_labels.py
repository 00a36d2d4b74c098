"""The same fit on labels that mean nothing: whatever it finds above chance is a fault of the procedure."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval

__all__ = ["RandomLabels"]


@dataclass(frozen=True)
class RandomLabels:
    """A linear head fitted to labels that were shuffled among the patients of each source, judged out of fold.

    `aurocs` holds one value per shuffle (of several labels the mean of each against the rest), `auroc` their mean with
    the interval of Student's t over the shuffles. `holds` says that it contains 0.5, as it must.
    """

    question: str
    source: str
    cases: int
    patients: int
    aurocs: tuple[float, ...]
    auroc: Interval
    holds: bool
    verdict: str
