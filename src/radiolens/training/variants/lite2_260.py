"""Lite2 at the 260 pixels of its ImageNet weights."""

from __future__ import annotations

from dataclasses import replace

from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    return replace(experiment, backbone="efficientnet-lite2", preprocessing=Preprocessing(260, 260))


VARIANT = Variant("lite2_260", change=_change)
