"""Pneumonia and tuberculosis on chest films: chest_xray_toned with films of 256 pixels behind the base.

Command: radiolens train chest_xray_larger --data ../shared/data/chest-xray
Runtime: a third more than that of chest_xray_toned.
Result: run without the folds 1 and 3 only, for the table "Whole networks" of docs/variants.md: no better.
"""

from __future__ import annotations

from dataclasses import replace

from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.configs.chest_xray_reconciled import HOSPITAL
from radiolens.training.configs.chest_xray_toned import EXPERIMENT as TONED

__all__ = ["EXPERIMENT"]

_LARGER = Preprocessing(256, 256)

EXPERIMENT = replace(
    TONED,
    name="chest_xray_larger",
    preprocessing=_LARGER,
    base=replace(HOSPITAL, name="chest_xray_hospital_larger", preprocessing=_LARGER),
)
"""Asked at 240 or 256 pixels, networks that were trained at 224 tell the adults of the NIH a little better."""
