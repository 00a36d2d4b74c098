"""The aspect ratio kept, and the rest filled with black."""

from __future__ import annotations

from dataclasses import replace

from radiolens.imaging.preprocess import Fit
from radiolens.training.config import Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    return replace(experiment, preprocessing=replace(experiment.preprocessing, fit=Fit.PAD))


VARIANT = Variant("padded", change=_change)
