"""Pictures of a variant, and their features by an untouched ImageNet network; finished pieces are kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case_files import case_file, decoded
from radiolens.image import Image, Unit
from radiolens.imaging.preprocess import Preprocessing, grey_levels, network_input
from radiolens.inference.session import open_session
from radiolens.training.augment import augment
from radiolens.training.config import Experiment
from radiolens.training.variant import Variant
from radiolens.validation.imagenet_file import imagenet_file
from radiolens.validation.pieces import digest, kept
from radiolens.validation.variants.sample import Sample

__all__ = ["Pictures", "features", "picture", "read_pictures"]

_Progress = Callable[[str, int, int], None]

_PIECE = 128
"""Pictures that are kept at once: a kill costs two seconds."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """The decoded images of a sample, and what they are called in the keys of what is kept of them."""

    sample: Sample
    images: tuple[Image, ...]
    seed: int
    cache: Path
    progress: _Progress


def read_pictures(sample: Sample, seed: int, cache: Path, progress: _Progress) -> Pictures:
    """Return the images of a sample; raise DatasetError if one cannot be read, or is not the manifest's."""
    images = []
    for number, case in enumerate(sample.cases, 1):
        images.append(decoded(sample.manifest.path(case), case_file(sample.manifest, case)[1]))
        progress("Reading images", number, len(sample.cases))
    return Pictures(sample, tuple(images), seed, cache, progress)


def picture(image: Image, variant: Variant, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the middle slice as grey levels of the network's size, harmonised before it is resized."""
    pixels = image.pixels[len(image.pixels) // 2]
    if not variant.harmonise:
        return grey_levels(pixels, image.unit, preprocessing)
    rows, columns = pixels.shape
    own_size = Preprocessing(rows, columns, window_hu=preprocessing.window_hu)
    grey = grey_levels(pixels, image.unit, own_size)
    for step in variant.harmonise:
        grey = step(grey)
    return grey_levels(grey.astype(np.float32) / np.float32(255), Unit.UNIT_INTERVAL, preprocessing)


def features(
    pictures: Pictures, variant: Variant, experiment: Experiment, *, copy: int = 0, turns: int = 0, mirror: bool = False
) -> NDArray[np.float32]:
    """Return the pooled features (n, channels) of a sample's pictures.

    `copy` counts augmented copies, 0 is none; `turns` are quarters of a circle, counter-clockwise.

    They are kept by the content of what the network was fed. Raises DatasetError if the network cannot be exported.
    """
    side = experiment.preprocessing.rows
    network = imagenet_file(pictures.cache, experiment.backbone_name, side, pictures.progress)
    session = open_session(network, threads=1)  # on a busy machine two threads mostly wait for each other
    found = []
    for start in range(0, len(pictures.images), _PIECE):
        rows = range(start, min(start + _PIECE, len(pictures.images)))
        grey = np.stack([_drawn(pictures, row, variant, experiment, copy) for row in rows])
        grey = np.rot90(grey, turns, axes=(1, 2))
        grey = grey[:, :, ::-1] if mirror else grey

        def make(grey: NDArray[np.uint8] = grey) -> NDArray[np.float16]:
            fed = (network_input(each[np.newaxis], experiment.preprocessing) for each in grey)
            pooled = [session.run(["logits"], {"image": each})[0][0] for each in fed]
            return np.asarray(pooled, np.float16)  # 5 in 10,000 off, as in the store of the controls

        found.append(kept(pictures.cache, ["features", network.name, digest(grey)], make))
        pictures.progress(f"Reading features: {variant.name}", rows.stop, len(pictures.images))
    return np.concatenate(found).astype(np.float32)


def _drawn(pictures: Pictures, row: int, variant: Variant, experiment: Experiment, copy: int) -> NDArray[np.uint8]:
    grey = picture(pictures.images[row], variant, experiment.preprocessing)
    if not copy:
        return grey
    return augment(grey, experiment.augmentation, np.random.default_rng([pictures.seed, copy, row]))
