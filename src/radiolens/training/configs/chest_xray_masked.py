"""Pneumonia and tuberculosis on chest films, in two stages, of which the second masks pneumonia of one archive.

Command: radiolens train chest_xray_masked --data ../shared/data/chest-xray
Runtime: on two cores 14 minutes for the base, once; then 10 minutes for a fold.
Result: run without the folds 1 and 3 only, for the table "Whole networks" of docs/variants.md.
"""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.config import Masking
from radiolens.training.configs.chest_xray_averaged import TILTED

__all__ = ["EXPERIMENT"]

EXPERIMENT = replace(TILTED, name="chest_xray_masked", masked=(Masking("tb-collection", "pneumonia"),))
"""What none of the collection's normal films says of pneumonia while NIH's films are learnt."""
