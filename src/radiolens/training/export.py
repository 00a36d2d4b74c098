"""From a trained network to a bundle: what is calibrated is the stored network, not the one in training."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import LITE0_BYTES, LITE2_BYTES, Bundle, InstalledBundle, read_bundle, write_bundle
from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError
from radiolens.evaluation.threshold_choice import EXCLUSIVE_THRESHOLD
from radiolens.inference.engine import Engine
from radiolens.inference.set_file import set_arrays
from radiolens.training.bundle_name import check_name
from radiolens.training.calibrate import VALIDATION_SPLIT, Calibration, operating_point
from radiolens.training.checkpoints import load_network
from radiolens.training.config import Experiment, as_json, training_only
from radiolens.training.golden import write_golden, write_provisional
from radiolens.training.losses import annotated, training_targets
from radiolens.training.new_folder import appearing, check_new
from radiolens.training.onnx_export import export_onnx, head_weights
from radiolens.training.pipeline import cached_grey_levels, draw_indices
from radiolens.training.reference import feature_reference
from radiolens.training.run_folder import environment, read_config
from radiolens.training.train import digest_of_cases

__all__ = ["Exported", "export_bundle", "largest_bytes_of"]

_REFERENCE_CASES = 1000
"""Training cases for the statistics of features: the mean of each is then known to 3 % of its spread."""


@dataclass(frozen=True)
class Exported:
    """Where things are that an export needs: the trained network (a .keras file), the data, a folder for arrays.

    `name` is what the bundle is called, empty for the name of the experiment's task: such a bundle answers the task in
    place of the released one. `calibration` are answers to calibrate on, by default those to the validation split, and
    `stored` is the stored network (model.onnx) that gave them, if there is one already.
    """

    experiment: Experiment
    manifest: Manifest
    network: Path
    cache: Path
    name: str = ""
    calibration: Calibration | None = None
    stored: Path | None = None


def export_bundle(
    exported: Exported,
    folder: Path,
    version: str,
    largest_bytes: int | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> InstalledBundle:
    """Write the bundle of a trained network: ONNX, then temperature, thresholds and golden pair of the stored network.

    Temperature and thresholds are chosen on `calibration`, else on the validation split, of the experiment's sources
    only. `folder` appears once all is done. Raises BundleError if it is there already, the bundle may not have its
    name, or is larger than `largest_bytes` (default: what the backbone may take); DatasetError if the network is not of
    this experiment, or validation does not suffice.
    """
    check_new(folder)
    name = exported.name or exported.experiment.task
    check_name(name, version, exported.experiment.task)
    _check_run(exported)
    limit = largest_bytes_of(exported.experiment) if largest_bytes is None else largest_bytes
    manifest = exported.experiment.part(exported.manifest)
    with appearing(folder) as partial:
        _write_network(exported, manifest, partial)
        bundle = _bundle(name, version, exported, manifest)
        bundle = _calibrated(bundle, exported, manifest, partial, limit, progress)
        write_golden(bundle, partial, limit)
        write_bundle(bundle, partial, limit)
        Engine.open(partial)  # as serving will
    return read_bundle(folder)


def largest_bytes_of(experiment: Experiment) -> int:
    """Return what a bundle of this experiment's backbone may take in all."""
    return LITE0_BYTES if experiment.backbone == "efficientnet-lite0" else LITE2_BYTES


def _write_network(exported: Exported, manifest: Manifest, folder: Path) -> None:
    model = load_network(exported.network)
    kernel, bias = head_weights(model)
    expected = (exported.experiment.preprocessing.rows, exported.experiment.preprocessing.columns)
    if len(bias) != len(manifest.task.labels) or model.input_shape[1:3] != expected:
        raise DatasetError(
            f"{exported.network} answers {len(bias)} labels of images {model.input_shape[1:3]}, but the experiment "
            f"{exported.experiment.name!r} has {len(manifest.task.labels)} of {expected}. Give its own network."
        )
    if exported.stored is None:
        export_onnx(model, folder / "model.onnx")
    else:
        shutil.copyfile(exported.stored, folder / "model.onnx")
    np.savez_compressed(folder / "reference.npz", head_kernel=kernel, head_bias=bias)


def _check_run(exported: Exported) -> None:
    """Raise DatasetError if the network lies in the folder of a run whose config.json tells of other training.

    Of another experiment, that is, or of the same on other cases, labels or splits.
    """
    file = exported.network.parent / "config.json"
    if not file.is_file():
        return
    trained = training_only(read_config(file))
    given = training_only(json.loads(json.dumps(as_json(exported.experiment))))
    if exported.stored is None:  # that of a fold has another split now, and was compared before it got it
        given["cases"] = digest_of_cases(exported.experiment, exported.manifest)
    differing = sorted(key for key in trained.keys() & given.keys() if trained[key] != given[key])
    if differing:
        raise DatasetError(
            f"{exported.network} was trained by another experiment: {', '.join(differing)} differ from {file}. The "
            "bundle would tell wrong facts. Give experiment and data as they were."
        )


def _bundle(name: str, version: str, exported: Exported, manifest: Manifest) -> Bundle:
    task, experiment = manifest.task, exported.experiment
    return Bundle(
        name=name,
        version=version,
        task=task.name,
        labels=task.label_names,
        exclusive=task.exclusive,
        preprocessing=experiment.preprocessing,
        temperature=dict.fromkeys(task.label_names, 1.0),
        thresholds=dict.fromkeys(task.label_names, EXCLUSIVE_THRESHOLD),
        threshold_evidence="not chosen yet",
        limits=task.limit_texts(task.label_names),
        explanation="class-activation-map",
        provenance={
            "experiment": experiment.name,
            **({"mean_of": [member.name for member in experiment.mean_of]} if experiment.mean_of else {}),
            **({"erased": [asdict(erasure) for erasure in experiment.erased]} if experiment.erased else {}),
            "backbone": experiment.backbone_name,
            "sources": _licences(manifest.cases),
            "cases": _counts(manifest.cases, exported.calibration),
            "left_out": _left_out(experiment),
            "taken_as_absent": [asdict(absence) for absence in experiment.assumed_absent],
            "environment": environment(),
            "created": datetime.now(UTC).date().isoformat(),
        },
    )


def _left_out(experiment: Experiment) -> list[dict[str, object]]:
    """Return what each stage of the training left out, the first stage first."""
    before = _left_out(experiment.base) if experiment.base else []
    own = () if experiment.erased else experiment.masked  # which trains nothing itself
    return [*before, *({**asdict(entry), "stage": experiment.name} for entry in own)]


def _licences(cases: Sequence[Case]) -> dict[str, list[str]]:
    sources = sorted({case.source for case in cases})
    return {source: sorted({case.licence for case in cases if case.source == source}) for source in sources}


def _counts(cases: Sequence[Case], calibration: Calibration | None) -> dict[str, dict[str, int]]:
    """Return by source how many cases were trained on, and how many chose temperature and thresholds."""
    chose = (case for case in cases if case.split == "validation") if calibration is None else calibration.cases
    counts = Counter((case.source, "train") for case in cases if case.split == "train")
    counts += Counter((case.source, "validation") for case in chose)
    sources = sorted({source for source, _ in counts})
    return {source: {split: counts[source, split] for split in ("train", "validation")} for source in sources}


def _calibrated(
    bundle: Bundle,
    exported: Exported,
    manifest: Manifest,
    folder: Path,
    largest_bytes: int,
    progress: Callable[[str, int, int], None],
) -> Bundle:
    """Return the bundle with what the stored network says of validation cases, and add its feature statistics."""
    write_provisional(bundle, folder, largest_bytes)
    engine = Engine.open(folder)
    calibration = exported.calibration or _validation_answers(engine, exported, manifest, progress)
    confidence = exported.experiment.set_confidence
    chosen = operating_point(manifest.task, calibration.cases, calibration.logits, calibration.on, confidence)
    drawn = _reference_cases(exported.experiment, manifest)
    _, pooled = _answers(engine, exported, manifest, drawn, _staged("measuring features of training cases", progress))
    groups = [exported.experiment.group_by(case) for case in drawn]
    reference = feature_reference(pooled, groups, exported.experiment.seed)
    arrays: dict[str, Any] = {
        "head_kernel": engine.head_kernel,
        "head_bias": engine.head_bias,
        "feature_mean": pooled.mean(axis=0),
        "feature_std": pooled.std(axis=0),
        **(reference.arrays() if reference else {}),
        **set_arrays(chosen.sets),
    }
    np.savez_compressed(folder / "reference.npz", **arrays)
    return replace(
        bundle,
        temperature=chosen.temperature,
        bias={} if manifest.task.exclusive else chosen.bias,
        thresholds=chosen.thresholds,
        threshold_evidence=chosen.evidence,
        coverage=chosen.sets.coverage,
        coverage_confidence=chosen.sets.confidence,
    )


def _validation_answers(
    engine: Engine, exported: Exported, manifest: Manifest, progress: Callable[[str, int, int], None]
) -> Calibration:
    cases = tuple(case for case in manifest.cases if case.split == "validation")
    if not cases:
        raise DatasetError(f"{manifest.file}: no case in the validation split. Run `radiolens data split`.")
    logits, _ = _answers(engine, exported, manifest, cases, _staged("calibrating on validation cases", progress))
    return Calibration(cases, logits, VALIDATION_SPLIT)


def _reference_cases(experiment: Experiment, manifest: Manifest) -> list[Case]:
    """Return training cases of which every sampling group has as many, as training drew them."""
    cases = [case for case in manifest.cases if case.split == "train"]
    told = annotated(training_targets(experiment, cases, manifest.task), exclusive=manifest.task.exclusive)
    used = [case for case, kept in zip(cases, told, strict=True) if kept]
    count = min(_REFERENCE_CASES, len(used))
    if not used:
        raise DatasetError(f"{manifest.file}: no annotated case in the training split. Run `radiolens data split`.")
    drawn = draw_indices(used, experiment.group_by, count, np.random.default_rng(experiment.seed))
    return [used[index] for index in np.unique(drawn)]


def _answers(
    engine: Engine,
    exported: Exported,
    manifest: Manifest,
    cases: Sequence[Case],
    progress: Callable[[int, int], None],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return logits (n, labels) and pooled features (n, channels) of the stored network."""
    grey = cached_grey_levels(manifest, cases, exported.experiment.preprocessing, exported.cache)
    logits, pooled = [], []
    for number in range(len(cases)):  # one by one: as fast as batches on a CPU, and in little memory
        answer, features = engine.run(np.asarray(grey[number : number + 1]))
        logits.append(answer)
        pooled.append(features.mean(axis=(1, 2)))
        progress(number + 1, len(cases))
    return np.concatenate(logits), np.concatenate(pooled)


def _staged(stage: str, progress: Callable[[str, int, int], None]) -> Callable[[int, int], None]:
    return lambda done, total: progress(stage, done, total)
