"""The collection's normals tell nothing of pneumonia, since the collection has none beside them."""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.config import Experiment, Masking
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    masked = (Masking("tb-collection", "pneumonia"),) if experiment.task == "chest-xray" else ()
    return replace(experiment, masked=masked)


VARIANT = Variant("masked_pneumonia", change=_change)
