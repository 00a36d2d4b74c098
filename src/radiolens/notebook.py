"""What a notebook asks of radiolens, by path or by image: reading, answering, features, pictures.

All of it is reached as `radiolens.<name>` (docs/notebook.md). Images are read in the sandbox, as everywhere; bundles
are the released ones and those in `$RADIOLENS_HOME/bundles`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import RELEASED, Bundle, read_bundle
from radiolens.errors import UnreadableImage
from radiolens.explain.overlay import blended, display_slice, overlay
from radiolens.image import Image
from radiolens.imaging.preprocess import grey_levels
from radiolens.imaging.selection import MIDDLE, SliceSelection
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.bulk import inputs
from radiolens.inference.engine import Engine
from radiolens.inference.gate_bundle import find_gate
from radiolens.inference.installed import Installed, find_installed
from radiolens.inference.predict import AUTO, Predictor
from radiolens.inference.profile_file import read_profile
from radiolens.inference.shelf import Shelf
from radiolens.prediction import BundleIdentity, Prediction
from radiolens.profile import Profile
from radiolens.safety.gate import Gate
from radiolens.settings import Settings

__all__ = ["ImageOrPath", "OpenBundle", "heat_map", "open_bundle", "predict", "read_image"]

ImageOrPath = Image | str | os.PathLike[str]
"""An image that was read, or the path of one: a file, a zip or folder of one DICOM series."""


@dataclass(frozen=True, eq=False)
class OpenBundle:
    """An opened network with all that is needed to use it rightly."""

    predictor: Predictor
    engine: Engine

    @property
    def bundle(self) -> Bundle:
        """Return what the bundle says of itself: labels, preprocessing, thresholds, limits, provenance."""
        return self.engine.bundle

    @property
    def identity(self) -> BundleIdentity:
        """Return name, version and hash, as every answer tells them."""
        return self.engine.installed.identity

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the labels, in the order of the columns of `probabilities`."""
        return self.bundle.labels

    def predict(self, image: ImageOrPath, *, gate: bool = True, explain: bool = True) -> Prediction:
        """Answer one image as `radiolens predict` does; `gate` False scores what would be refused.

        Raises UnreadableImage for a path that holds no image.
        """
        name = self.bundle.name
        return self.predictor.predict_image(_image(image), gate=gate, explain=explain, bundle=name)

    def probabilities(self, images: Iterable[ImageOrPath]) -> NDArray[np.float64]:
        """Return the calibrated probabilities (n, labels) of images, without gate; of a volume the mean over slices."""
        rows = [self.engine.probabilities(self.engine.logits(self._grey(image))).mean(axis=0) for image in images]
        return np.asarray(rows, np.float64).reshape(len(rows), len(self.labels))

    def features(self, images: Iterable[ImageOrPath]) -> NDArray[np.float32]:
        """Return the pooled last feature map (n, channels) of images; of a volume the mean over slices.

        A dense head on these is what the network itself ends in. Raises BundleError if it has no feature map.
        """
        rows = []
        for image in images:
            slices = [self.engine.run(grey[np.newaxis])[1].mean(axis=(0, 1, 2)) for grey in self._grey(image)]
            rows.append(np.mean(slices, axis=0))
        return np.asarray(rows, np.float32).reshape(len(rows), self.engine.head_kernel.shape[0])

    def with_profile(self, profile: Profile | str | os.PathLike[str]) -> OpenBundle:
        """Return the same with a site's thresholds; raise BundleError if they are for another bundle."""
        wanted = profile if isinstance(profile, Profile) else read_profile(profile)
        return OpenBundle(self.predictor.with_profile(wanted), self.engine)

    def _grey(self, image: ImageOrPath) -> NDArray[np.uint8]:
        read = _image(image)
        return np.stack([grey_levels(pixels, read.unit, self.bundle.preprocessing) for pixels in read.pixels])


def read_image(path: str | os.PathLike[str], selection: SliceSelection = MIDDLE) -> Image:
    """Read one image in the sandbox: a file, or the one DICOM series of a folder or zip.

    Raises UnreadableImage if there is none, or if the path holds several.
    """
    found = list(inputs(os.fspath(path)))
    if len(found) != 1:
        raise UnreadableImage(
            f"{path} holds {len(found)} images or series, expected one. Give the path of one of them."
        )
    if found[0].problem is not None:
        raise found[0].problem
    return read_untrusted(found[0].files, selection)


def open_bundle(bundle: str | os.PathLike[str], threads: int = 0) -> OpenBundle:
    """Open a bundle: the name of an installed one, or the folder of one version.

    `threads` 0 lets the runtime use every core. Raises UnknownBundle for a name that is not installed, and BundleError
    or CorruptBundle for a bundle that cannot be used.
    """
    folder = Path(bundle)
    if (folder / "bundle.json").is_file():
        found = read_bundle(folder)
        installed = Installed({found.bundle.name: (found,)})
    else:
        installed = find_installed(_bundle_folders())
        found = installed.get(os.fspath(bundle))
    shelf = Shelf(installed, threads, find_gate(_bundle_folders()))
    return OpenBundle(Predictor(shelf, gate=_settings().gate), shelf.engine(found.bundle.name))


def predict(
    image: ImageOrPath, task: str = AUTO, *, bundle: str | None = None, gate: bool = True, explain: bool = True
) -> Prediction:
    """Answer one image with the bundle that is installed for the task, or the one of this name.

    `task` is a name, or `auto`: header and gate network choose. Bundles are opened at the first call and kept. Raises
    UnknownTask, UnknownBundle, UnreadableImage, and ValueError for no gate where neither task nor bundle is named.
    """
    settings = _settings()
    predictor = _predictor(settings.home, settings.threads, settings.gate)
    predictor.task_of(task, bundle)  # a wrong question is told before anything is read
    return predictor.predict_image(_image(image), task, gate=gate, explain=explain, bundle=bundle)


def heat_map(image: Image, prediction: Prediction, label: str) -> NDArray[np.uint8]:
    """Return the slice that was looked at as RGB (rows, columns, 3), with the map of a label laid over it.

    Raises ValueError if the prediction has no map, since it was refused or not to be explained; KeyError for a label
    that it does not have.
    """
    if prediction.explanation is None:
        raise ValueError("the prediction has no map: it was refused, or made with explain=False")
    if label not in prediction.explanation.maps:
        raise KeyError(f"no map of {label!r}; there are those of {', '.join(prediction.explanation.maps)}")
    grey = display_slice(image, prediction.explanation.slice_index)
    return blended(grey, overlay(prediction.explanation, label, (grey.shape[0], grey.shape[1])))


def _image(image: ImageOrPath) -> Image:
    return image if isinstance(image, Image) else read_image(image)


def _bundle_folders() -> tuple[Path, Path]:
    return RELEASED, _settings().home / "bundles"


def _settings() -> Settings:
    return Settings.model_validate({})  # from the environment; the constructor would ask type checkers for every field


@cache
def _predictor(home: Path, threads: int, gate: Gate) -> Predictor:
    return Predictor.open((RELEASED, home / "bundles"), threads, gate=gate)
