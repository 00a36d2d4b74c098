"""Pneumonia and tuberculosis on chest films: chest_xray_toned, whose films lend each other light and shade.

Command: radiolens train chest_xray_toned_styled --data ../shared/data/chest-xray
Runtime: that of chest_xray_toned, and a tenth.
Result: not released. Run without the folds 1 to 4, for the table "Whole networks" of docs/variants.md: pneumonia is
    told no better than by chest_xray_toned.
"""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.configs.chest_xray_reconciled import HOSPITAL
from radiolens.training.configs.chest_xray_toned import EXPERIMENT as TONED

__all__ = ["EXPERIMENT"]

_HOSPITAL = replace(
    HOSPITAL, name="chest_xray_hospital_styled", augmentation=replace(HOSPITAL.augmentation, style_probability=0.5)
)
EXPERIMENT = replace(
    TONED,
    name="chest_xray_toned_styled",
    base=_HOSPITAL,
    augmentation=replace(TONED.augmentation, style_probability=0.5),
)
"""Half of the films of both stages behind the base get the broad light and shade of another one of their batch, which
is mostly of another archive: each group of source and label is drawn as often as any other. So the look of an archive
says less of the disease."""
