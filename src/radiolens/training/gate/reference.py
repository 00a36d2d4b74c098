"""Where the training pictures lie in the space of features, so that serving can say how strange a picture is.

Pooled features are brought to their first principal components, in which the spread within a kind is made one in every
direction (Mahalanobis 1936, with the shrinkage of Ledoit and Wolf 2004). A kind is not one cloud, since films of
children and of adults, axial and sagittal slices lie apart, so that the distance is that to the nearest of several
centres. How far is far, pictures of a hospital tell that was left out: those of a known one lie too near.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from radiolens.inference.gate_network import Reference
from radiolens.training.gate.feature_set import FeatureSet

__all__ = ["COMPONENTS", "build_reference", "distances_of_left_out_sources", "with_held_out_distances"]

COMPONENTS = 64
"""Dimensions of the space; more add noise of single pictures."""

_CENTRES = 16  # of each kind
_QUANTILES = 1001  # stored of the distances: a share is told to a thousandth


def build_reference(genuine: FeatureSet, seed: int = 0) -> Reference:
    """Return the reference of genuine samples, without distances of held-out ones."""
    space = PCA(COMPONENTS, random_state=seed).fit(genuine.pooled)
    placed = space.transform(genuine.pooled)
    kinds = np.unique(genuine.kinds)
    within = np.concatenate(
        [placed[genuine.kinds == kind] - placed[genuine.kinds == kind].mean(axis=0) for kind in kinds]
    )
    whitening = np.linalg.cholesky(np.linalg.inv(LedoitWolf(assume_centered=True).fit(within).covariance_))
    whitened = placed @ whitening
    centres = [
        KMeans(min(_CENTRES, int((genuine.kinds == kind).sum())), n_init=1, random_state=seed)
        .fit(whitened[genuine.kinds == kind])
        .cluster_centers_
        for kind in kinds
    ]
    projection = space.components_.T @ whitening
    return Reference(
        projection=projection.astype(np.float32),
        offset=(-space.mean_ @ projection).astype(np.float32),
        centres=np.concatenate(centres).astype(np.float32),
        distances=np.zeros(0, np.float32),
    )


def with_held_out_distances(reference: Reference, distances: list[NDArray[np.float32]]) -> Reference:
    """Return the reference with quantiles of held-out distances; each array, that of a source, counts alike."""
    shares = np.linspace(0, 1, _QUANTILES)
    every = np.concatenate([np.quantile(of_source, shares) for of_source in distances])
    return Reference(
        reference.projection, reference.offset, reference.centres, np.quantile(every, shares).astype(np.float32)
    )


def distances_of_left_out_sources(training: FeatureSet, validation: FeatureSet) -> Mapping[str, NDArray[np.float32]]:
    """Return by source the distances of its genuine validation pictures to a reference made of all other sources."""
    learnt, asked = _genuine(training), _genuine(validation)
    return {
        str(source): build_reference(learnt.part(learnt.sources != source)).to_nearest(
            asked.part(asked.sources == source).pooled
        )
        for source in np.unique(asked.sources)
    }


def _genuine(features: FeatureSet) -> FeatureSet:
    return features.part(features.families == "genuine")
