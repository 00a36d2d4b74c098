"""Features of the images of a manifest, read once: by borders and brightness, by ImageNet, by the bundle's network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case_files import case_file, decoded
from radiolens.data.manifest import Case, Manifest
from radiolens.evaluation.controls import border_brightness_features
from radiolens.image import Image
from radiolens.imaging.preprocess import Preprocessing, grey_levels, network_input
from radiolens.inference.engine import Engine
from radiolens.inference.session import open_session
from radiolens.validation.controls.feature_store import FeatureStore, ImageFeatures, open_feature_store
from radiolens.validation.imagenet_file import imagenet_file

__all__ = ["BORDERS", "BUNDLE", "IMAGENET", "Features", "read_features"]

BORDERS, IMAGENET, BUNDLE = "borders and brightness", "untouched ImageNet network", "the bundle's network"

_IMAGENET_NAME = "efficientnet-lite0"
_IMAGENET_INPUT = Preprocessing(rows=224, columns=224, channels=1, offset=127.0, scale=128.0)
"""What training.imagenet_network writes takes; how a picture is fitted and windowed is as for the bundle."""


@dataclass(frozen=True, eq=False)
class Features:
    """The features (n, k) of the cases by kind: BORDERS, IMAGENET and, if the network gives them, BUNDLE."""

    cases: tuple[Case, ...]
    kinds: Mapping[str, NDArray[np.floating]]

    def part(self, rows: NDArray[np.intp]) -> Features:
        """Return the features of some of the cases."""
        cases = tuple(self.cases[row] for row in rows)
        return Features(cases, {kind: values[rows] for kind, values in self.kinds.items()})


def read_features(
    engine: Engine,
    manifest: Manifest,
    cases: Sequence[Case],
    cache: Path,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Features:
    """Return the features of the middle slice of each image.

    They are kept in the folder `cache` by the hashes of image and bundle; a call that was killed loses at most the
    image in work. Raises DatasetError if an image cannot be read, or is not the one the manifest lists.
    """
    network = _imagenet(
        engine.bundle.preprocessing, imagenet_file(cache, _IMAGENET_NAME, _IMAGENET_INPUT.rows, progress)
    )
    with open_feature_store(cache, engine.installed.sha256) as store:
        known = set(store.known())
        hashes = []
        for number, case in enumerate(cases, 1):
            sha256, data = case_file(manifest, case)
            if sha256 not in known:
                store.add(sha256, _features(engine, network, decoded(manifest.path(case), data)))
                known.add(sha256)
            hashes.append(sha256)
            progress("Reading features", number, len(cases))
        return _stacked(tuple(cases), store, hashes)


def _stacked(cases: tuple[Case, ...], store: FeatureStore, hashes: Sequence[str]) -> Features:
    rows = store.features(hashes)
    kinds: dict[str, NDArray[np.floating]] = {
        BORDERS: np.asarray([row.borders for row in rows]),
        IMAGENET: np.asarray([row.imagenet for row in rows]),
    }
    own = [row.bundle for row in rows if row.bundle is not None]
    if len(own) == len(rows):
        kinds[BUNDLE] = np.asarray(own)
    return Features(cases, kinds)


def _features(engine: Engine, imagenet: Callable[[Image], NDArray[np.float32]], image: Image) -> ImageFeatures:
    grey = grey_levels(image.pixels[len(image.pixels) // 2], image.unit, engine.bundle.preprocessing)
    pooled = None if engine.head is None else engine.run(grey[np.newaxis])[1].mean(axis=(1, 2))[0]
    return ImageFeatures(border_brightness_features([grey])[0], imagenet(image), pooled)


def _imagenet(preprocessing: Preprocessing, file: Path) -> Callable[[Image], NDArray[np.float32]]:
    session = open_session(file, threads=1)  # on a busy machine two threads mostly wait for each other
    prepared = replace(
        _IMAGENET_INPUT,
        fit=preprocessing.fit,
        percentiles=preprocessing.percentiles,
        window_hu=preprocessing.window_hu,
    )

    def pooled(image: Image) -> NDArray[np.float32]:
        grey = grey_levels(image.pixels[len(image.pixels) // 2], image.unit, prepared)
        found: NDArray[np.float32] = session.run(["logits"], {"image": network_input(grey[np.newaxis], prepared)})[0][0]
        return found

    return pooled
