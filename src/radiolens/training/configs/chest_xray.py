"""Pneumonia and tuberculosis on chest films, fully fine-tuned.

Command: radiolens train chest_xray --data ../shared/data/chest-xray
"""

from __future__ import annotations

from radiolens.training.config import Experiment

__all__ = ["EXPERIMENT"]

EXPERIMENT = Experiment(
    name="chest_xray",
    task="chest-xray",
    sources=("guangzhou", "nih", "tb-collection"),
    # The collection's normals have no pneumonia beside them: the label would teach the hospital.
    masked=(("tb-collection", "pneumonia"),),
    epochs=6,
    images_per_epoch=9600,
    patience=6,
)
