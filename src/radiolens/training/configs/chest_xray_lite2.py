"""The chest experiment on the larger EfficientNet-Lite2, at the 260 pixels its ImageNet weights were trained with.

Command: radiolens train chest_xray_lite2 --data ../shared/data/chest-xray
Runtime: not measured. It computes 2.3 times what chest_xray does for an image (0.86 against 0.385 GFLOP).
Result: not run in full. Its bundle may take 18 MB.
"""

from __future__ import annotations

from dataclasses import replace

from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.configs import chest_xray

__all__ = ["EXPERIMENT"]

EXPERIMENT = replace(
    chest_xray.EXPERIMENT,
    name="chest_xray_lite2",
    backbone="efficientnet-lite2",
    preprocessing=Preprocessing(260, 260),
)
