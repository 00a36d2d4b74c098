"""Haemorrhage on head CT slices, fully fine-tuned.

Command: radiolens train brain_ct --data ../shared/data/brain-ct
Runtime: to be measured.
Result: not released.
"""

from __future__ import annotations

from radiolens.training.config import Augmentation, Experiment

__all__ = ["EXPERIMENT"]

EXPERIMENT = Experiment(
    name="brain_ct",
    task="brain-ct",
    # In the stroke set haemorrhage is not annotated, not even as absent in its normal slices.
    sources=("sich",),
    labels=("haemorrhage",),  # there is no data for a tumour
    augmentation=Augmentation(rotation_degrees=15.0),
    epochs=4,
    images_per_epoch=2000,
    patience=0,  # a fixed schedule: the 15 patients of the validation part are too few to choose an epoch by
)
