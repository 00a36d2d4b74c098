"""Type of brain tumour on MR slices, fully fine-tuned.

Command: radiolens train brain_mri --data ../shared/data/brain-mri
"""

from __future__ import annotations

from radiolens.data.manifest import Case
from radiolens.training.config import Augmentation, Experiment

__all__ = ["EXPERIMENT", "source_and_side"]


def source_and_side(case: Case) -> str:
    """Return the figshare tumour type, and for web pictures only whether there is a tumour.

    So web pictures with and without tumour are drawn equally often, and "web" does not come to mean "no tumour".
    """
    if case.source == "figshare":
        return f"figshare:{'|'.join(sorted(case.possible))}"
    return f"web:{'no_tumour' if case.possible == {'no_tumour'} else 'tumour'}"


EXPERIMENT = Experiment(
    name="brain_mri",
    task="brain-mri",
    sources=("figshare", "web"),
    group_by=source_and_side,
    augmentation=Augmentation(rotation_degrees=15.0),
    epochs=6,
    images_per_epoch=4000,
    patience=0,  # a fixed schedule, so that the out-of-fold runs are not chosen by the fold they are judged on
)
