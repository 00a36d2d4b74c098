"""Black and white at the first and the ninety-ninth percentile instead of at the extremes."""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.config import Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    return replace(experiment, preprocessing=replace(experiment.preprocessing, percentiles=(1.0, 99.0)))


VARIANT = Variant("percentiles", change=_change)
