"""The control beside every AUROC: what brightness and borders alone, without any anatomy, already tell.

Sets put together from several hospitals often betray the label by their exposure, their collimation or their redaction
boxes (Zech et al. 2018, doi:10.1371/journal.pmed.1002683). A network must be judged against that, not against 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold

from radiolens.evaluation.discrimination import auroc, binary

__all__ = [
    "FEATURES",
    "TREES",
    "border_brightness_features",
    "control_auroc",
    "out_of_fold_scores",
    "transferred_scores",
]

_SIDES = ("top", "bottom", "left", "right")

FEATURES = (
    *(f"{side}_mean" for side in _SIDES),
    *(f"{side}_std" for side in _SIDES),
    "corners_mean",
    "corners_std",
    "mean",
    "std",
)
"""What the 12 columns of the features are, in grey levels."""

_BORDER_SHARE = 0.04
"""Of each side: 9 pixels of 224, outside the lungs or the skull on all but the tightest crops."""

TREES = 200
"""Of a forest; more change the AUROC by less than 0.003 on the sets of this project."""

_FOLDS = 5


def border_brightness_features(grey: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Return the features (n, 12) of grey images (n, rows, columns), or of n arrays (rows, columns) of any size."""
    return np.asarray([_features(picture) for picture in grey], np.float64).reshape(len(grey), len(FEATURES))


def control_auroc(features: NDArray[np.float64], labels: ArrayLike, groups: ArrayLike, seed: int) -> float:
    """Return the AUROC (0 to 1) of the out-of-fold scores; nan where there are none."""
    scores = out_of_fold_scores(features, labels, groups, seed)
    return float("nan") if np.isnan(scores).any() else auroc(labels, scores)


def out_of_fold_scores(
    features: NDArray[np.float64], labels: ArrayLike, groups: ArrayLike, seed: int, trees: int = TREES
) -> NDArray[np.float64]:
    """Return for each row the score (n,) of a random forest fitted on other groups, in at most five folds.

    `groups` (n,) keeps the images of a patient, or duplicates, together. All nan if a class has fewer than two groups.
    """
    positive, _ = binary(labels, np.zeros(np.shape(labels)))
    names = np.unique(np.asarray(groups), return_inverse=True)[1]
    folds = min(_FOLDS, *(len(np.unique(names[positive == side])) for side in (False, True)))
    scores = np.full(positive.shape, np.nan)
    if folds < 2:
        return scores
    cut = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fitted, held_out in cut.split(features, positive, names):
        scores[held_out] = transferred_scores(features[fitted], positive[fitted], features[held_out], seed, trees)
    return scores


def transferred_scores(
    train_features: NDArray[np.float64],
    train_labels: ArrayLike,
    features: NDArray[np.float64],
    seed: int,
    trees: int = TREES,
) -> NDArray[np.float64]:
    """Return the scores (n,) of a forest fitted on other rows; all nan if those are of one class."""
    positive, _ = binary(train_labels, np.zeros(np.shape(train_labels)))
    if positive.all() or not positive.any() or not len(features):
        return np.full(len(features), np.nan)
    # Leaves of at least three cases, since a forest of pure leaves ranks noise.
    forest = RandomForestClassifier(trees, min_samples_leaf=3, random_state=seed)
    scores: NDArray[np.float64] = forest.fit(train_features, positive).predict_proba(features)[:, 1]
    return scores


def _features(picture: NDArray[np.uint8]) -> list[float]:
    rows, columns = picture.shape
    high, wide = (max(1, round(side * _BORDER_SHARE)) for side in (rows, columns))
    borders = (picture[:high], picture[-high:], picture[:, :wide], picture[:, -wide:])
    corners = np.stack([picture[top, left] for top in (slice(high), slice(-high, None)) for left in _ends(wide)])
    parts = [*borders, corners, picture]
    means, deviations = [float(part.mean()) for part in parts], [float(part.std()) for part in parts]
    return [*means[:4], *deviations[:4], means[4], deviations[4], means[5], deviations[5]]


def _ends(width: int) -> tuple[slice, slice]:
    return slice(width), slice(-width, None)
