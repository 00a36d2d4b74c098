"""What the frozen backbone says of every sample, kept on disk: heads are fitted on it in minutes, again and again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np

from radiolens.imaging.preprocess import network_input
from radiolens.inference.session import open_session
from radiolens.training.gate.feature_set import NOT_TOLD, FeatureSet
from radiolens.training.gate.network import build_backbone
from radiolens.training.gate.recipe import Planned
from radiolens.training.gate.samples import DEFECT_NAMES, KINDS, PREPROCESSING, Sample
from radiolens.training.onnx_export import export_onnx

__all__ = ["kept_features"]

_BATCH = 4  # pictures in one call of the runtime: more leave the processor's cache


def kept_features(
    folder: Path,
    name: str,
    planned: Planned,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> FeatureSet:
    """Return the features of the planned samples, from `folder`/<name>-<key>.npz if they are there already.

    The file appears once it is whole. Another recipe, or other pictures, have another key.
    """
    file = folder / f"{name}-{planned.key}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        stage = f"looking at {name} pictures"
        made = _extract(planned.samples, lambda done: progress(stage, done, planned.count))
        partial = file.with_name(f"{file.name}.partial")
        with partial.open("wb") as stream:
            np.savez(stream, **{entry.name: getattr(made, entry.name) for entry in fields(made)})
        os.replace(partial, file)
    with np.load(file, allow_pickle=False) as content:
        return FeatureSet(*(content[entry.name] for entry in fields(FeatureSet)))


def _extract(samples: Iterable[Sample], progress: Callable[[int], None]) -> FeatureSet:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "features.onnx"
        export_onnx(build_backbone(), file, half=True)  # as the released network computes
        session = open_session(file, threads=1)
    middle, pooled, told = [], [], []
    for batch in _batches(samples):
        image = network_input(np.stack([sample.seen for sample in batch]), PREPROCESSING)
        maps, last = session.run(["logits", "features"], {"image": image})
        middle.append(maps.astype(np.float16))
        pooled.append(last.mean(axis=(1, 2)))
        told += [
            (KINDS.index(sample.kind), _answers(sample), sample.source, sample.name, sample.family) for sample in batch
        ]
        progress(len(told))
    kinds, defects, sources, names, families = zip(*told, strict=True)
    return FeatureSet(
        np.concatenate(middle),
        np.concatenate(pooled),
        np.array(kinds, np.int64),
        np.array(defects, np.int8),
        np.array(sources),
        np.array(names),
        np.array(families),
    )


def _answers(sample: Sample) -> list[int]:
    return [int(sample.defects.get(name, NOT_TOLD)) for name in DEFECT_NAMES]


def _batches(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    remaining = iter(samples)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
