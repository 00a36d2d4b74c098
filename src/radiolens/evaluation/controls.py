"""What can be told without anatomy: a classifier on border and brightness numbers alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

__all__ = ["border_brightness_features", "control_scores"]

_BORDER_SHARE = 16  # a border is a sixteenth of the side
_FOLDS = 5


def border_brightness_features(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return 12 numbers for each picture of (n, rows, columns): mean and spread of each border, and four of the whole."""
    values = grey.astype(np.float32) / 255
    rows, columns = (max(1, side // _BORDER_SHARE) for side in grey.shape[1:])
    borders = (values[:, :rows], values[:, -rows:], values[:, :, :columns], values[:, :, -columns:])
    spreads = [part for border in borders for part in (border.mean(axis=(1, 2)), border.std(axis=(1, 2)))]
    whole = [values.mean(axis=(1, 2)), values.std(axis=(1, 2)), (values < 0.1).mean(axis=(1, 2))]
    return np.stack([*spreads, *whole, (values > 0.9).mean(axis=(1, 2))], axis=1).astype(np.float32)


def control_scores(
    features: NDArray[np.float32], truth: NDArray[np.bool_], groups: NDArray[np.integer], seed: int = 0
) -> NDArray[np.float64]:
    """Return out-of-fold scores (n,) of a random forest on these features, never cutting a group."""
    forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=seed)
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(forest, features, truth, groups=groups, cv=folds, method="predict_proba")
    return np.asarray(scores[:, 1], np.float64)
