"""The figures of a study as a table for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from radiolens.evaluation.intervals import Interval
    from radiolens.validation.study import Binary, Study

__all__ = ["study_table"]

_FEWEST_OF_GROUP = 20
"""Images: the lowest of smaller groups is mostly chance."""


def study_table(study: Study) -> str:
    """Return the figures of a study as lines for a terminal."""
    from radiolens.evaluation.subgroups import worst_group

    wide = max((len(row.source) for row in study.binary), default=0)

    def line(row: Binary) -> str:
        return (
            f"{row.question:<14} {row.source:<{wide}} {row.positives:>5} {row.negatives:>5}  {_told(row.auroc):<22} "
            f"{_number(row.controls.out_of_fold.estimate):>8} {_number(row.controls.trained.estimate):>8}  "
            f"{_told(row.sensitivity):<22} {_told(row.specificity):<22} {_number(row.expected_calibration_error):>5}"
        )

    header = (
        f"{'question':<14} {'source':<{wide}} {'yes':>5} {'no':>5}  {'AUROC (DeLong)':<22} "
        f"{'control':>8} {'trained':>8}  {'sensitivity':<22} {'specificity':<22} {'ECE':>5}"
    )
    averages = [
        f"{row.question}: mean {row.measure} of {', '.join(row.sources)}: {_told(row.interval)}"
        for row in study.averages
    ]
    lowest = [(entry, worst) for entry in study.subgroups if (worst := worst_group(entry.groups, _FEWEST_OF_GROUP))]
    subgroups = [
        f"{entry.question}, {entry.source}: lowest AUROC by {entry.attribute}: "
        f"{worst.name} ({worst.support} images) {_told(worst.interval)}"
        for entry, worst in lowest
    ]
    types = [f"type of {row.source} ({row.cases} cases): macro-F1 {_told(row.macro_f1)}" for row in study.types]
    return "\n".join([header, *(line(row) for row in study.binary), *averages, *subgroups, *types])


def _told(interval: Interval) -> str:
    if math.isnan(interval.estimate):
        return "-"
    return f"{_number(interval.estimate)} ({_number(interval.low)}-{_number(interval.high)})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
