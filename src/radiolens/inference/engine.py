"""A bundle ready to run on ONNX Runtime; opening it checks that it still answers as it did when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from radiolens.bundle import Bundle, InstalledBundle, read_bundle
from radiolens.errors import CorruptBundle
from radiolens.evaluation.link import probabilities
from radiolens.imaging.preprocess import network_input

__all__ = ["Engine"]

_GOLDEN_TOLERANCE = 1e-3
"""Processors sum float32 in different orders; over these depths that moves a probability by less than 1e-4."""


@dataclass(frozen=True, eq=False)
class Engine:
    """An opened bundle. Thread-safe: ONNX Runtime's run is, and nothing here changes after opening."""

    installed: InstalledBundle
    head_kernel: NDArray[np.float32]
    _session: onnxruntime.InferenceSession

    @property
    def bundle(self) -> Bundle:
        """Return what the bundle says of itself."""
        return self.installed.bundle

    @classmethod
    def open(cls, folder: Path, threads: int = 0) -> Engine:
        """Open a bundle; `threads` 0 lets the runtime use every core.

        Raises CorruptBundle if a hash differs or the golden pair is not reproduced.
        """
        installed = read_bundle(folder)
        with np.load(folder / "reference.npz", allow_pickle=False) as reference:
            head_kernel = reference["head_kernel"]
        engine = cls(installed, head_kernel, _open_session(folder / "model.onnx", threads))
        engine._check_golden()
        return engine

    def run(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (logits (n, labels), features (n, h, w, channels)) of grey levels (n, rows, columns)."""
        image = network_input(grey, self.bundle.preprocessing)
        logits, features = self._session.run(["logits", "features"], {"image": image})
        return logits, features

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the calibrated probabilities (n, labels) of logits (n, labels)."""
        temperature = [self.bundle.temperature[label] for label in self.bundle.labels]
        return probabilities(logits, temperature, exclusive=self.bundle.exclusive)

    def _check_golden(self) -> None:
        with np.load(self.installed.folder / "golden.npz", allow_pickle=False) as golden:
            grey, expected = golden["grey"], golden["probabilities"]
        logits, _ = self.run(grey)
        difference = float(np.abs(self.probabilities(logits) - expected).max(initial=0.0))
        if not difference <= _GOLDEN_TOLERANCE:
            raise CorruptBundle(
                f"{self.installed.folder}: the network no longer gives the stored answers",
                f"a difference of at most {_GOLDEN_TOLERANCE:g}",
                f"{difference:.3g}",
            )


def _open_session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_cpu_mem_arena = False  # the arena would keep the largest series' memory for ever
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
