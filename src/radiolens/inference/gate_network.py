"""The gate network on ONNX Runtime: what kind of picture it sees, whether it is whole and upright, and how strange."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from radiolens.errors import BundleError, CorruptBundle
from radiolens.evaluation.link import probabilities
from radiolens.image import Unit
from radiolens.imaging.preprocess import grey_levels, network_input
from radiolens.imaging.resample import Slice
from radiolens.inference.bundle_arrays import ARRAY_ERRORS, read_arrays
from radiolens.inference.gate_bundle import GateBundle, InstalledGate, read_gate
from radiolens.inference.network_file import check_network
from radiolens.inference.session import RUNTIME_ERRORS, open_session
from radiolens.safety.sight import Sight

__all__ = ["GateNetwork", "Reference"]

_GOLDEN_TOLERANCE = 1e-3
"""Of a probability: processors sum float32 in different orders (as `radiolens.inference.engine`)."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The training pictures in the space of features, as `radiolens.inference.gate_bundle` says."""

    projection: NDArray[np.float32]
    offset: NDArray[np.float32]
    centres: NDArray[np.float32]
    distances: NDArray[np.float32]

    def distance(self, pooled: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how far pooled features (n, channels) lie from the training pictures.

        It is the share (0 to 1) of held-out pictures that lie nearer to their nearest centre.
        """
        nearest = self.to_nearest(pooled)
        return np.asarray(np.searchsorted(self.distances, nearest) / max(1, len(self.distances)), np.float64)

    def to_nearest(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the Mahalanobis distance (n,) of pooled features (n, channels) to the nearest centre."""
        placed = pooled @ self.projection + self.offset
        squares = ((placed[:, None, :] - self.centres[None]) ** 2).sum(axis=2)
        return np.asarray(np.sqrt(squares.min(axis=1)), np.float32)


@dataclass(frozen=True, eq=False)
class GateNetwork:
    """An opened gate bundle. Thread-safe: ONNX Runtime's run is, and no answer changes after opening."""

    installed: InstalledGate
    reference: Reference
    _session: onnxruntime.InferenceSession

    @property
    def bundle(self) -> GateBundle:
        """Return what the bundle says of itself."""
        return self.installed.bundle

    @classmethod
    def open(cls, folder: Path, threads: int = 0) -> GateNetwork:
        """Open a gate bundle; `threads` 0 lets the runtime use every core.

        Raises CorruptBundle if a hash differs or the golden pair is not reproduced; BundleError if the network is not
        what bundle.json describes, asks for operators outside the ONNX standard, or keeps weights outside of
        model.onnx.
        """
        installed = read_gate(folder)
        try:
            check_network(folder / "model.onnx")
            names = ("projection", "offset", "centres", "distances")
            reference = Reference(*read_arrays(folder / "reference.npz", *names))
            network = cls(installed, reference, open_session(folder / "model.onnx", threads))
            network._check_golden()
        except (*RUNTIME_ERRORS, *ARRAY_ERRORS) as error:
            raise BundleError(
                f"{folder}: the network is not what bundle.json describes ({error}). Install the bundle again."
            ) from error
        return network

    def look(self, pixels: NDArray[np.float32] | Slice, unit: Unit) -> Sight:
        """Return what the network sees in one slice (rows, columns)."""
        bundle, kinds = self.bundle, len(self.bundle.kinds)
        whole = pixels if isinstance(pixels, Slice) else Slice(pixels)
        grey = grey_levels(whole, unit, bundle.preprocessing)
        logits, pooled = self.run(grey[np.newaxis])
        answers = self.probabilities(logits)[0]
        told = dict(zip(bundle.defects, map(float, answers[kinds:]), strict=True))
        if "inverted" in bundle.second_look and told["inverted"] >= bundle.refuse_from["inverted"]:
            told["inverted"] = min(told["inverted"], self._rather_inverted(logits, whole, unit))
        return Sight(
            kinds=dict(zip(bundle.kinds, map(float, answers[:kinds]), strict=True)),
            rotated=told["rotated"],
            inverted=told["inverted"],
            cropped=told["cropped"],
            distance=float(self.reference.distance(pooled)[0]),
            refuse_from=bundle.refuse_from,
        )

    def answers(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (probabilities (n, kinds and defects), distances (n,)) of grey levels (n, rows, columns)."""
        logits, pooled = self.run(grey)
        return self.probabilities(logits), self.reference.distance(pooled)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the calibrated probabilities of logits (n, kinds and defects); those of the kinds sum to one."""
        bundle, kinds = self.bundle, len(self.bundle.kinds)
        of_defects = [bundle.temperature[name] for name in bundle.defects]
        return np.concatenate(
            [
                probabilities(logits[:, :kinds], bundle.temperature["kind"], exclusive=True),
                probabilities(logits[:, kinds:], of_defects, exclusive=False),
            ],
            axis=1,
        )

    def run(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (logits (n, kinds and defects), pooled features (n, channels)) of grey levels (n, rows, columns)."""
        image = network_input(grey, self.bundle.preprocessing)
        logits, features = self._session.run(["logits", "features"], {"image": image})
        return logits, features.mean(axis=(1, 2))

    def _rather_inverted(self, logits: NDArray[np.float32], whole: Slice, unit: Unit) -> float:
        """Return the probability that this slice is inverted rather than its inverse, by what both look like.

        Another hospital's films may all look somewhat inverted; their inverses then look more so, and the difference
        of both stays what it is.
        """
        bundle = self.bundle
        place = len(bundle.kinds) + bundle.defects.index("inverted")
        grey = grey_levels(whole, unit, bundle.preprocessing, inverse=True)
        of_inverse, _ = self.run(grey[np.newaxis])
        difference = logits[:, [place]] - of_inverse[:, [place]]
        return float(probabilities(difference, bundle.temperature["inverted"], exclusive=False)[0, 0])

    def _check_golden(self) -> None:
        grey, expected = read_arrays(self.installed.folder / "golden.npz", "grey", "probabilities")
        found, distances = self.answers(grey)
        if found.shape != expected.shape or distances.shape != (len(grey),):
            raise ValueError(f"{found.shape} answers for golden ones of {expected.shape}")
        largest = float(np.abs(found - expected).max(initial=0.0))
        if not largest <= _GOLDEN_TOLERANCE:  # so written, NaN is refused as well
            raise CorruptBundle(
                f"{self.installed.folder}: the network no longer gives the stored answers",
                f"a difference of at most {_GOLDEN_TOLERANCE:g}",
                f"{largest:.3g}",
            )
