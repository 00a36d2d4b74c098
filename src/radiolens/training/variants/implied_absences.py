"""Films of hospitals that do not annotate tuberculosis count as films without it: NIH's, and Guangzhou's normals."""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.config import Absence, Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

_RARE = "not annotated, and rare where the films were made"


def _change(experiment: Experiment) -> Experiment:
    absent = (
        Absence("nih", "tuberculosis", _RARE),
        Absence("guangzhou", "tuberculosis", _RARE, only_normal=True),
    )
    return replace(experiment, assumed_absent=absent)


VARIANT = Variant("implied_absences", change=_change)
