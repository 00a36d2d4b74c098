"""A bundle ready to run on ONNX Runtime; opening it checks that it still answers as it did when it was made."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from radiolens.bundle import Bundle, InstalledBundle, read_bundle
from radiolens.errors import BundleError, CorruptBundle
from radiolens.evaluation.link import probabilities
from radiolens.imaging.preprocess import network_input
from radiolens.inference.session import RUNTIME_ERRORS, open_session

__all__ = ["Engine"]

_GOLDEN_TOLERANCE = 1e-3
"""Processors sum float32 in different orders; over these depths that moves a probability by less than 1e-4."""

_HEAD_TOLERANCE = 1e-2
"""Of a logit: a bias of 16 labels or more is stored as float16, 2**-11 of its size off; otherwise it is below 1e-5."""

_BATCH = 2
"""Slices in one call of the runtime: with 16 a slice takes two to five times as long, since they leave the cache."""

_ARRAY_ERRORS = (EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile)
"""What numpy raises for a file that is empty, no archive of arrays, or one of other arrays."""


@dataclass(frozen=True, eq=False)
class Engine:
    """An opened bundle. Thread-safe: ONNX Runtime's run is, and nothing here changes after opening."""

    installed: InstalledBundle
    head_kernel: NDArray[np.float32]
    head_bias: NDArray[np.float32]
    _session: onnxruntime.InferenceSession

    @property
    def bundle(self) -> Bundle:
        """Return what the bundle says of itself."""
        return self.installed.bundle

    @classmethod
    def open(cls, folder: Path, threads: int = 0) -> Engine:
        """Open a bundle; `threads` 0 lets the runtime use every core.

        Raises CorruptBundle if a hash differs, the golden pair is not reproduced, or the stored head is not the
        network's; BundleError if the network is not what bundle.json describes.
        """
        installed = read_bundle(folder)
        try:
            kernel, bias = _arrays(folder / "reference.npz", "head_kernel", "head_bias")
            engine = cls(installed, kernel, bias, open_session(folder / "model.onnx", threads))
            engine._check_golden()
        except (*RUNTIME_ERRORS, *_ARRAY_ERRORS) as error:
            raise BundleError(
                f"{folder}: the network is not what bundle.json describes ({error}). Export the bundle again."
            ) from error
        return engine

    def run(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (logits (n, labels), features (n, h, w, channels)) of grey levels (n, rows, columns)."""
        image = network_input(grey, self.bundle.preprocessing)
        logits, features = self._session.run(["logits", "features"], {"image": image})
        return logits, features

    def logits(self, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits (n, labels) of any number of slices (n, rows, columns), in little memory."""
        parts = [self.run(grey[start : start + _BATCH])[0] for start in range(0, len(grey), _BATCH)]
        return np.concatenate([np.zeros((0, len(self.bundle.labels)), np.float32), *parts])

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the calibrated probabilities (n, labels) of logits (n, labels)."""
        temperature = [self.bundle.temperature[label] for label in self.bundle.labels]
        return probabilities(logits, temperature, exclusive=self.bundle.exclusive)

    def _check_golden(self) -> None:
        grey, expected = _arrays(self.installed.folder / "golden.npz", "grey", "probabilities")
        logits, features = self.run(grey)
        answered = self.probabilities(logits)
        if answered.shape != expected.shape or len(self.bundle.labels) != answered.shape[1]:
            raise ValueError(f"{answered.shape} answers for golden ones of {expected.shape}, {self.bundle.labels}")
        self._check_close("gives the stored answers", answered - expected, _GOLDEN_TOLERANCE)
        pooled = features.mean(axis=(1, 2)) @ self.head_kernel + self.head_bias
        self._check_close("ends in the stored head, so its maps mean nothing", pooled - logits, _HEAD_TOLERANCE)

    def _check_close(self, promise: str, difference: NDArray[np.floating], tolerance: float) -> None:
        largest = float(np.abs(difference).max(initial=0.0))
        if not largest <= tolerance:  # so written, NaN is refused as well
            raise CorruptBundle(
                f"{self.installed.folder}: the network no longer {promise}",
                f"a difference of at most {tolerance:g}",
                f"{largest:.3g}",
            )


def _arrays(file: Path, *names: str) -> list[NDArray[Any]]:
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
        return [content[name] for name in names]
