"""From cases to batches: a cache of grey levels, and a balanced, augmented draw for each epoch."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.imaging import preprocess
from radiolens.imaging.preprocess import Preprocessing, grey_levels, network_input
from radiolens.imaging.read import decode
from radiolens.training.augment import augment
from radiolens.training.config import Experiment

__all__ = ["EpochDraw", "cached_grey_levels", "draw_indices", "read_grey_levels"]

_READERS = Path(preprocess.__file__).parent
"""The code that makes grey levels: what is trained on must be what this version serves."""


def read_grey_levels(file: Path, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the middle slice of a trusted file as grey levels (rows, columns), exactly as serving computes them.

    Raises DatasetError, which names the file, if it is missing or no image.
    """
    try:
        image = decode([file.read_bytes()])
    except (OSError, UnreadableImage) as error:
        raise DatasetError(f"{file}: {error} Take it out of the manifest, or repair it.") from error
    return grey_levels(image.pixels[len(image.pixels) // 2], image.unit, preprocessing)


def cached_grey_levels(
    manifest: Manifest,
    cases: Sequence[Case],
    preprocessing: Preprocessing,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.uint8]:
    """Return the grey levels (cases, rows, columns) as a read-only memory map.

    They are made once for the same files (path, size, time of change), preprocessing and reading code. An interrupted
    run leaves nothing that looks finished.
    """
    file = folder / f"{manifest.task.name}-{_cache_key(manifest, cases, preprocessing)}.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # runs that share the folder wait for the first one instead of reading too
            if not file.exists():
                _write_cache(file, manifest, cases, preprocessing, progress)
    cached: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    return cached


def _write_cache(
    file: Path,
    manifest: Manifest,
    cases: Sequence[Case],
    preprocessing: Preprocessing,
    progress: Callable[[int, int], None],
) -> None:
    partial = file.with_suffix(".partial")
    shape = (len(cases), preprocessing.rows, preprocessing.columns)
    array = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
    for index, case in enumerate(cases):
        array[index] = read_grey_levels(manifest.path(case), preprocessing)
        progress(index + 1, len(cases))
    array.flush()
    os.replace(partial, file)


def _cache_key(manifest: Manifest, cases: Sequence[Case], preprocessing: Preprocessing) -> str:
    try:
        stats = [(case.path, (stat := manifest.path(case).stat()).st_size, stat.st_mtime_ns) for case in cases]
    except OSError as error:
        raise DatasetError(f"{manifest.file} names a file that cannot be read: {error}.") from error
    code = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(_READERS.glob("*.py")))).hexdigest()
    key = json.dumps([stats, asdict(preprocessing), code], sort_keys=True).encode()
    return hashlib.sha256(key).hexdigest()[:16]


def draw_indices(
    cases: Sequence[Case], group_by: Callable[[Case], str], count: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Return `count` indices of cases in which every group of `group_by` stands equally often, in random order."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, case in enumerate(cases):
        groups[group_by(case)].append(index)
    share = -(-count // len(groups))
    drawn = [_repeated(np.asarray(members), share, random) for _, members in sorted(groups.items())]
    return random.permutation(np.concatenate(drawn))[:count]


def _repeated(members: NDArray[np.intp], count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Return `count` members, each once before any stands twice."""
    rounds = -(-count // len(members))
    return np.concatenate([random.permutation(members) for _ in range(rounds)])[:count]


class EpochDraw(keras.utils.PyDataset):  # type: ignore[misc]  # keras ships no types
    """The batches of one epoch; the same experiment and epoch always give the same batches."""

    def __init__(
        self,
        experiment: Experiment,
        epoch: int,
        cases: Sequence[Case],
        grey: NDArray[np.uint8],
        wanted: NDArray[np.float32],
    ) -> None:
        super().__init__(workers=1, max_queue_size=8)
        self._experiment, self._epoch, self._grey, self._wanted = experiment, epoch, grey, wanted
        random = np.random.default_rng([experiment.seed, epoch])
        count = experiment.steps_per_epoch * experiment.batch_size
        self._indices = draw_indices(cases, experiment.group_by, count, random)

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._experiment.steps_per_epoch

    def __getitem__(self, batch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (images, targets) of one batch."""
        size = self._experiment.batch_size
        indices = self._indices[batch * size : (batch + 1) * size]
        random = np.random.default_rng([self._experiment.seed, self._epoch, batch])
        pictures = [augment(self._grey[index], self._experiment.augmentation, random) for index in indices]
        return network_input(np.stack(pictures), self._experiment.preprocessing), self._wanted[indices]
