"""From kept features to the gate's bundle: heads, whole network, temperatures, limits, reference, golden pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.inference.gate_bundle import SECOND_LOOKS, GateBundle, InstalledGate, read_gate, write_gate
from radiolens.inference.gate_network import GateNetwork
from radiolens.training.gate.feature_set import FeatureSet
from radiolens.training.gate.features import kept_features
from radiolens.training.gate.heads import fit_heads, logits_of
from radiolens.training.gate.network import joined
from radiolens.training.gate.operating_points import (
    MISSED_SHARE,
    REFUSED_SHARE,
    ROTATED_SHARE,
    SUSPECTED_SHARE,
    UNSUSPECTED_SHARE,
    OperatingPoints,
    choose,
    shifted,
    shifts_of,
    temperatures,
)
from radiolens.training.gate.recipe import SEED, training_samples, validation_samples
from radiolens.training.gate.reference import (
    build_reference,
    distances_of_left_out_sources,
    with_held_out_distances,
)
from radiolens.training.gate.samples import DEFECT_NAMES, KINDS, OTHER_FOLDERS, PREPROCESSING
from radiolens.training.golden import golden_pictures
from radiolens.training.new_folder import appearing, check_new
from radiolens.training.onnx_export import export_onnx
from radiolens.training.run_folder import environment

__all__ = ["LIMITS", "Progress", "gate_of", "train_gate"]

Progress = Callable[[str, int, int], None]

_FARTHEST = 0.995
"""Share of pictures of left-out hospitals that lie nearer than what is refused as strange."""

LIMITS = (
    "It tells frontal and lateral chest films, slices of brain MR, of head CT, and everything else apart, not always.",
    "It has seen few lateral films and no films of other parts of the body; it may let one pass.",
    "A head CT that lies on its side is let pass, since a whole source of the training data does.",
    "It sees a small grey picture: an overlay, a mirrored picture or a wrong patient are not noticed.",
)


def train_gate(
    data: Path,
    folder: Path,
    version: str,
    work: Path,
    seed: int = SEED,
    progress: Progress = lambda stage, done, total: None,
) -> InstalledGate:
    """Make the gate's bundle of the collections in `data`, and return it; `folder` appears once all is done.

    `work` keeps the features of the pictures; called again, it goes on from there. Raises BundleError if `folder` is
    there already, DatasetError or InvalidManifest if the data is not as expected.
    """
    check_new(folder)
    validation = kept_features(work, "validation", validation_samples(data, seed), progress)
    training = kept_features(work, "training", training_samples(data, seed), progress)
    return gate_of(training, validation, folder, version, seed, progress)


def gate_of(
    training: FeatureSet,
    validation: FeatureSet,
    folder: Path,
    version: str,
    seed: int = SEED,
    progress: Progress = lambda stage, done, total: None,
) -> InstalledGate:
    """Make the gate's bundle of features, and return it; raise BundleError if `folder` is there already."""
    check_new(folder)
    heads = fit_heads(training, seed, progress=progress)
    shifts, points = _chosen(heads, validation)
    with appearing(folder) as partial:
        export_onnx(joined(heads, shifts), partial / "model.onnx")
        _write_reference(training, validation, partial)
        bundle = _bundle(version, points, training, seed)
        _write_golden(bundle, partial)
        write_gate(bundle, partial)
        GateNetwork.open(partial)  # as serving will
    return read_gate(folder)


def _chosen(heads: keras.Model, validation: FeatureSet) -> tuple[NDArray[np.float32], OperatingPoints]:
    """Return shifts, temperatures and limits; no file that the network has learnt from is among what chooses them."""
    made = np.isin(validation.sources, [part.family for part in OTHER_FOLDERS])
    told = validation.part(~made)
    said = logits_of(heads, told)
    genuine = told.families == "genuine"
    shifts = shifts_of(said, told)
    logits = shifted(said, shifts)
    return shifts, choose(logits[genuine], told.part(genuine), temperatures(logits, told), _FARTHEST)


def _write_reference(training: FeatureSet, validation: FeatureSet, folder: Path) -> None:
    held_out = distances_of_left_out_sources(training, validation)
    genuine = training.part(training.families == "genuine")
    reference = with_held_out_distances(build_reference(genuine), list(held_out.values()))
    np.savez_compressed(
        folder / "reference.npz",
        projection=reference.projection,
        offset=reference.offset,
        centres=reference.centres,
        distances=reference.distances,
    )


def _bundle(version: str, points: OperatingPoints, training: FeatureSet, seed: int) -> GateBundle:
    counts = Counter(zip(training.sources.tolist(), training.families.tolist(), strict=True))
    return GateBundle(
        version=version,
        kinds=KINDS,
        defects=DEFECT_NAMES,
        preprocessing=PREPROCESSING,
        temperature=points.temperature,
        refuse_from=points.refuse_from,
        threshold_evidence=(
            f"Each limit refuses at most {REFUSED_SHARE:.1%} of the genuine pictures of each kind in the validation "
            f"splits, sources counting alike, that of rotation {ROTATED_SHARE:.1%}, and lies as far from them as "
            f"{MISSED_SHARE:.0%} of missed generated defects allows. What looks inverted is refused if its inverse "
            f"looks less so; at least {SUSPECTED_SHARE:.0%} of the genuine pictures, and all but "
            f"{UNSUSPECTED_SHARE:.0%} of the inverted ones, are looked at twice for it. That of distance lets "
            f"{_FARTHEST:.1%} of the pictures of left-out sources pass."
        ),
        limits=LIMITS,
        provenance={
            "command": "radiolens train-gate",
            "backbone": "efficientnet-lite0 with ImageNet weights, frozen",
            "seed": seed,
            "samples": {f"{source}:{family}": count for (source, family), count in sorted(counts.items())},
            "environment": environment(),
            "created": datetime.now(UTC).date().isoformat(),
        },
        second_look=SECOND_LOOKS,
    )


def _write_golden(bundle: GateBundle, folder: Path) -> None:
    """Store generated pictures with what the stored network answers for them."""
    grey = golden_pictures(PREPROCESSING.rows, PREPROCESSING.columns)
    answers = len(KINDS) + len(DEFECT_NAMES)
    np.savez_compressed(folder / "golden.npz", grey=grey[:0], probabilities=np.zeros((0, answers)))
    write_gate(bundle, folder)
    found, _ = GateNetwork.open(folder).answers(grey)
    np.savez_compressed(folder / "golden.npz", grey=grey, probabilities=found)
