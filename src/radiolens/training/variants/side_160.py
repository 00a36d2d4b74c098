"""Lite0 at 160 pixels."""

from __future__ import annotations

from dataclasses import replace

from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    return replace(experiment, preprocessing=Preprocessing(160, 160))


VARIANT = Variant("side_160", change=_change)
