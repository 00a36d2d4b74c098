"""Pneumonia and tuberculosis on chest films: chest_xray_toned, whose tuberculosis goes less by the archive.

Command: radiolens train chest_xray_erased --data ../shared/data/chest-xray
Runtime: that of chest_xray_toned, and a minute.
Result: to be measured.
"""

from __future__ import annotations

from dataclasses import replace

from radiolens.training.config import SourceErasure
from radiolens.training.configs.chest_xray_toned import EXPERIMENT as TONED

__all__ = ["EXPERIMENT"]

EXPERIMENT = replace(
    TONED,
    name="chest_xray_erased",
    base=TONED,
    mean_with_base=False,
    erased=(SourceErasure("tuberculosis", ("nih", "tb-collection"), share=0.5),),
)
"""Films of the NIH are learnt as films without tuberculosis, all of them, the collection's normals stand against its
ill ones. So its normals scored higher than those of the NIH for being of the collection. Half of that direction goes:
all of it costs more of what tells another country's tuberculosis from the NIH's films."""
