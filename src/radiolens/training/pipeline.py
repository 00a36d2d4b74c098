"""From cases to batches: a cache of grey levels, and a balanced, augmented draw for each epoch."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.data.case_files import check_content
from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.imaging.preprocess import Preprocessing, grey_levels, network_input
from radiolens.imaging.read import decode
from radiolens.training.augment import augment, augment_with_mask, mix_styles
from radiolens.training.config import Experiment
from radiolens.training.lesion_masks import present_label, read_mask
from radiolens.training.reading_code import digest_of_readers

__all__ = ["EpochDraw", "Lesions", "cached_grey_levels", "draw_indices", "read_grey_levels"]

_CASES, _CHANGES = 0, 1
"""What numbers are drawn for. NumPy fills a seed with zeros, so (seed, epoch) would be the first batch's as well."""


def read_grey_levels(file: Path, preprocessing: Preprocessing, sha256: str = "") -> NDArray[np.uint8]:
    """Return the middle slice of a trusted file as grey levels (rows, columns), exactly as serving computes them.

    Raises DatasetError, which names the file, if it is missing, no image, or not the one with that SHA-256.
    """
    try:
        data = file.read_bytes()
        check_content(file, data, sha256)
        image = decode([data])
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

    They are made once for the same files (folder, path, hash in the manifest, size, times of change), preprocessing and
    reading code. An interrupted run leaves nothing that looks finished. Raises DatasetError as `read_grey_levels` does.
    """
    file = folder / f"{manifest.task.name}-{_cache_key(manifest, cases, preprocessing)}.npy"
    cached = _opened(file)
    if cached is None:
        folder.mkdir(parents=True, exist_ok=True)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # runs that share the folder wait for the first one instead of reading too
            cached = _opened(file)
            if cached is None:
                _write_cache(file, manifest, cases, preprocessing, progress)
                cached = np.load(file, mmap_mode="r", allow_pickle=False)
    return cached


def _opened(file: Path) -> NDArray[np.uint8] | None:
    """Return the memory map of a file; None if there is none, or one that is cut off."""
    try:
        cached: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, EOFError, ValueError):
        return None
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
    with partial.open("wb") as stream:  # not through a memory map: where the disk is full, that kills the process
        head = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, head)
        for index, case in enumerate(cases):
            stream.write(read_grey_levels(manifest.path(case), preprocessing, case.sha256).tobytes())
            progress(index + 1, len(cases))
    os.replace(partial, file)


def _cache_key(manifest: Manifest, cases: Sequence[Case], preprocessing: Preprocessing) -> str:
    try:
        stats = [_file_facts(manifest.path(case), case) for case in cases]
    except OSError as error:
        raise DatasetError(f"{manifest.file} names a file that cannot be read: {error}.") from error
    folder = str(manifest.file.parent.resolve())
    key = json.dumps([folder, stats, asdict(preprocessing), digest_of_readers()], sort_keys=True).encode()
    return hashlib.sha256(key).hexdigest()[:16]


def _file_facts(file: Path, case: Case) -> tuple[str, str, int, int, int]:
    """Return what tells one file from another without reading it; a copy may keep the time when it was written."""
    stat = file.stat()
    return case.path, case.sha256, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


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


@dataclass(frozen=True, eq=False)
class Lesions:
    """Where lesions lie: by the row of a case the position of its label, and its mask (rows, columns), 0 or 255.

    `grid` is the size (h, w) of the network's last feature map.
    """

    grid: tuple[int, int]
    masks: Mapping[int, tuple[int, NDArray[np.uint8]]]

    @classmethod
    def read(
        cls, manifest: Manifest, cases: Sequence[Case], preprocessing: Preprocessing, grid: tuple[int, int]
    ) -> Lesions:
        """Read the masks of all cases that have one and show a single abnormal label.

        Raises DatasetError for a mask that cannot be read, or has another size than its image.
        """
        names = manifest.task.label_names
        masks = {}
        for row, case in enumerate(cases):
            name = present_label(manifest.task, names, case) if case.mask else None
            if name is not None:
                mask = read_mask(manifest, case, preprocessing)
                masks[row] = names.index(name), mask.astype(np.uint8) * np.uint8(255)
        return cls(grid, masks)

    def places(self, mask: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the share of a mask (rows, columns) in each place (h, w): they sum to 1, or are 0 if it is empty."""
        covered = cv2.resize(mask.astype(np.float32), self.grid[::-1], interpolation=cv2.INTER_AREA)
        total = covered.sum()
        return np.asarray(covered / total if total > 0 else covered, np.float32)


class EpochDraw(keras.utils.PyDataset):  # type: ignore[misc]  # keras ships no types
    """The batches of one epoch; the same experiment and epoch always give the same batches.

    With `lesions` the targets are two: those of the labels (n, labels), and those of the maps (n, h, w, labels).
    """

    def __init__(
        self,
        experiment: Experiment,
        epoch: int,
        cases: Sequence[Case],
        grey: NDArray[np.uint8],
        wanted: NDArray[np.float32],
        lesions: Lesions | None = None,
    ) -> None:
        super().__init__(workers=1, max_queue_size=8)
        self._experiment, self._epoch, self._grey, self._wanted = experiment, epoch, grey, wanted
        self._lesions = lesions
        random = np.random.default_rng([experiment.seed, epoch, _CASES])
        count = experiment.steps_per_epoch * experiment.batch_size
        self._indices = draw_indices(cases, experiment.group_by, count, random)

    def __len__(self) -> int:
        """Return the number of batches."""
        return self._experiment.steps_per_epoch

    def __getitem__(self, batch: int) -> tuple[NDArray[np.float32], Any]:
        """Return (images, targets) of one batch."""
        size = self._experiment.batch_size
        indices = self._indices[batch * size : (batch + 1) * size]
        random = np.random.default_rng([self._experiment.seed, self._epoch, _CHANGES, batch])
        places = None
        if self._lesions is None:
            pictures = [augment(self._grey[index], self._experiment.augmentation, random) for index in indices]
        else:
            changed = [self._with_places(self._lesions, int(index), random) for index in indices]
            pictures, places = [picture for picture, _ in changed], np.stack([found for _, found in changed])
        pictures = mix_styles(pictures, self._experiment.augmentation, random)
        images = network_input(np.stack(pictures), self._experiment.preprocessing)
        wanted = self._wanted[indices]
        return images, wanted if places is None else (wanted, places)

    def _with_places(
        self, lesions: Lesions, index: int, random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return a changed picture (rows, columns) and where its lesion lies then (h, w, labels)."""
        places = np.zeros((*lesions.grid, self._wanted.shape[1]), np.float32)
        if index not in lesions.masks:
            return augment(self._grey[index], self._experiment.augmentation, random), places
        label, mask = lesions.masks[index]
        picture, moved = augment_with_mask(self._grey[index], mask, self._experiment.augmentation, random)
        places[..., label] = lesions.places(moved)
        return picture, places
