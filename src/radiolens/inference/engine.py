"""A bundle ready to run on ONNX Runtime; opening it checks that it still answers as it did when it was made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from radiolens.bundle import OCCLUSION_MAP, Bundle, InstalledBundle, read_bundle
from radiolens.errors import BundleError, CorruptBundle
from radiolens.evaluation.conformal import ConformalSets
from radiolens.evaluation.link import probabilities
from radiolens.imaging.preprocess import network_input
from radiolens.inference.bundle_arrays import ARRAY_ERRORS, read_arrays, read_known_arrays
from radiolens.inference.network_file import check_network
from radiolens.inference.session import RUNTIME_ERRORS, open_session
from radiolens.inference.set_file import PATIENTS, SET_ARRAYS, sets_of
from radiolens.safety.feature_distance import KEYS, FeatureReference

__all__ = ["Engine", "Head"]

_GOLDEN_TOLERANCE = 1e-3
"""Processors sum float32 in different orders; over these depths that moves a probability by less than 1e-4."""

_HEAD_TOLERANCE = 1e-2
"""Of a logit. The released networks are within 1e-6, but an imported one may have logits of thousands, which sums in
float32 round by 1e-3 and more. The head of another network is far off."""

_BATCH = 2
"""Slices in one call of the runtime: with 16 a slice takes two to five times as long, since they leave the cache."""


@dataclass(frozen=True, eq=False)
class Head:
    """The dense head behind the pooled feature map: kernel (channels, labels) and bias (labels,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Engine:
    """An opened bundle. Thread-safe: ONNX Runtime's run is, and no answer changes after opening.

    `head` is None for a network that has no feature map to read, `sets` for a bundle that has no prediction sets,
    `reference` for one that does not tell how far pictures lie from its training pictures.
    """

    installed: InstalledBundle
    head: Head | None
    _session: onnxruntime.InferenceSession
    sets: ConformalSets | None = None
    reference: FeatureReference | None = None

    @property
    def bundle(self) -> Bundle:
        """Return what the bundle says of itself."""
        return self.installed.bundle

    @property
    def head_kernel(self) -> NDArray[np.float32]:
        """Return the head's kernel (channels, labels); raise BundleError if there is no feature map."""
        return self._told_head().kernel

    @property
    def head_bias(self) -> NDArray[np.float32]:
        """Return the head's bias (labels,); raise BundleError if there is no feature map."""
        return self._told_head().bias

    @classmethod
    def open(cls, folder: Path, threads: int = 0) -> Engine:
        """Open a bundle; `threads` 0 lets the runtime use every core.

        Raises CorruptBundle if a hash differs, the golden pair is not reproduced, or the stored head is not the
        network's; BundleError if the network is not what bundle.json describes, asks for operators outside the ONNX
        standard, or keeps weights outside of model.onnx.
        """
        installed = read_bundle(folder)
        try:
            check_network(folder / "model.onnx")
            session = open_session(folder / "model.onnx", threads)
            engine = cls(installed, _head(installed), session, _sets(installed), _reference(installed))
            engine._check_golden()
        except (*RUNTIME_ERRORS, *ARRAY_ERRORS) as error:
            raise BundleError(
                f"{folder}: the network is not what bundle.json describes ({error}). Export the bundle again."
            ) from error
        return engine

    def run(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (logits (n, labels), features (n, h, w, channels)) of grey levels (n, rows, columns).

        Raises BundleError if the network has no feature map (`head` is None); `logits` is of any network.
        """
        self._told_head()
        logits, features = self._outputs(grey, "logits", "features")
        return logits, features

    def logits(self, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits (n, labels) of any number of slices (n, rows, columns), in little memory."""
        parts = [self._outputs(grey[start : start + _BATCH], "logits")[0] for start in range(0, len(grey), _BATCH)]
        return np.concatenate([np.zeros((0, len(self.bundle.labels)), np.float32), *parts])

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the calibrated probabilities (n, labels) of logits (n, labels)."""
        temperature = [self.bundle.temperature[label] for label in self.bundle.labels]
        bias = [self.bundle.bias.get(label, 0.0) for label in self.bundle.labels]
        return probabilities(logits, temperature, bias, exclusive=self.bundle.exclusive)

    @cached_property
    def seconds_per_image(self) -> float:
        """Return how long the network took for one image: the shorter of two runs, made when first asked for."""
        blank = np.zeros((1, self.bundle.preprocessing.rows, self.bundle.preprocessing.columns), np.uint8)
        times = []
        for _ in range(2):
            start = time.perf_counter()
            self._outputs(blank, "logits")
            times.append(time.perf_counter() - start)
        return min(times)

    def _outputs(self, grey: NDArray[np.uint8], *names: str) -> Sequence[NDArray[np.float32]]:
        image = network_input(grey, self.bundle.preprocessing)
        outputs: Sequence[NDArray[np.float32]] = self._session.run(list(names), {"image": image})
        return outputs

    def _told_head(self) -> Head:
        if self.head is None:
            raise BundleError(
                f"{self.bundle.name} {self.bundle.version} has no feature map: it does not end in global average "
                "pooling and one dense head. What needs features cannot be done with it."
            )
        return self.head

    def _check_golden(self) -> None:
        grey, expected = read_arrays(self.installed.folder / "golden.npz", "grey", "probabilities")
        outputs = self._outputs(grey, "logits", *(["features"] if self.head else []))
        answered = self.probabilities(outputs[0])
        if answered.shape != expected.shape or len(self.bundle.labels) != answered.shape[1]:
            raise ValueError(f"{answered.shape} answers for golden ones of {expected.shape}, {self.bundle.labels}")
        self._check_close("gives the stored answers", answered - expected, _GOLDEN_TOLERANCE)
        if self.head:
            pooled = outputs[1].mean(axis=(1, 2)) @ self.head.kernel + self.head.bias
            self._check_close("ends in the stored head, so its maps mean nothing", pooled - outputs[0], _HEAD_TOLERANCE)
        if self.reference and self.reference.components.shape[1] != outputs[1].shape[-1]:
            raise ValueError(f"training features of {self.reference.components.shape[1]} channels")

    def _check_close(self, promise: str, difference: NDArray[np.floating], tolerance: float) -> None:
        largest = float(np.abs(difference).max(initial=0.0))
        if not largest <= tolerance:  # so written, NaN is refused as well
            raise CorruptBundle(
                f"{self.installed.folder}: the network no longer {promise}",
                f"a difference of at most {tolerance:g}",
                f"{largest:.3g}",
            )


def _head(installed: InstalledBundle) -> Head | None:
    if installed.bundle.explanation == OCCLUSION_MAP:
        return None
    return Head(*read_arrays(installed.folder / "reference.npz", "head_kernel", "head_bias"))


def _sets(installed: InstalledBundle) -> ConformalSets | None:
    if not installed.bundle.coverage:
        return None
    columns = read_known_arrays(installed.folder / "reference.npz", *SET_ARRAYS, PATIENTS)
    return sets_of(installed.bundle, [columns[name] for name in SET_ARRAYS], columns.get(PATIENTS))


def _reference(installed: InstalledBundle) -> FeatureReference | None:
    if installed.bundle.explanation == OCCLUSION_MAP:
        return None
    return FeatureReference.from_arrays(read_known_arrays(installed.folder / "reference.npz", *KEYS))
