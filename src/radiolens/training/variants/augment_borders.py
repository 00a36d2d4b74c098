"""Black borders and white, grey or black boxes only, in two copies of each picture."""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.config import Augmentation, Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _change(experiment: Experiment) -> Experiment:
    only = replace(
        Augmentation(),
        smallest_crop=1.0,
        rotation_degrees=0.0,
        flip_probability=0.0,
        gamma=0.0,
        contrast=(1.0, 1.0),
        brightness=0.0,
        noise=0.0,
        blur_probability=0.0,
        jpeg_probability=0.0,
    )
    return replace(experiment, augmentation=only)


VARIANT = Variant("augment_borders", change=_change, augmented_copies=2)
