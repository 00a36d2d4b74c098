"""The collection's normals tell nothing of pneumonia, since the collection has none beside them."""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.config import Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    return replace(experiment, masked=(("tb-collection", "pneumonia"),) if experiment.task == "chest-xray" else ())


VARIANT = Variant("masked_pneumonia", change=_change)
