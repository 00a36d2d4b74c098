"""Lite0 at 260 pixels."""

from __future__ import annotations

from dataclasses import replace

from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    return replace(experiment, preprocessing=Preprocessing(260, 260))


VARIANT = Variant("side_260", change=_change)
