"""The controls beside every result: studies that need no training, only features of the images, read once."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.validation.cross_validated import CrossValidated
from radiolens.validation.random_labels import RandomLabels
from radiolens.validation.slice_position import SlicePosition
from radiolens.validation.source_held_out import SourceHeldOut
from radiolens.validation.source_probe import SourceAnswer, SourceProbe, SourceRecognition, SourceShare

__all__ = [
    "CrossValidated",
    "FeatureStudies",
    "RandomLabels",
    "SlicePosition",
    "SourceAnswer",
    "SourceHeldOut",
    "SourceProbe",
    "SourceRecognition",
    "SourceShare",
]


@dataclass(frozen=True)
class FeatureStudies:
    """All controls of one evaluation. A study that the data do not allow is empty, and `notes` say why.

    `images` counts the images whose features were read.
    """

    images: int
    source_probe: SourceProbe
    random_labels: tuple[RandomLabels, ...]
    cross_validation: tuple[CrossValidated, ...]
    source_held_out: tuple[SourceHeldOut, ...]
    slice_position: tuple[SlicePosition, ...]
    notes: tuple[str, ...]
