"""Runs a bundle over the cases of a manifest; answers are kept, so that a study that was cut goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case_files import case_file, decoded
from radiolens.data.manifest import Case, Manifest
from radiolens.evaluation.controls import border_brightness_features
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.inference.engine import Engine
from radiolens.validation.questions import Scored
from radiolens.validation.study import ControlPart

__all__ = ["Progress", "control_part", "score"]

Progress = Callable[[int, int], None]
"""Told (done, total) images."""


def score(
    engine: Engine,
    manifest: Manifest,
    cases: Sequence[Case],
    cache: str | os.PathLike[str],
    progress: Progress = lambda done, total: None,
) -> Scored:
    """Return the calibrated probabilities of the stored network for these cases, as serving computes them.

    A volume's are the mean over its slices. Answers are kept in the folder `cache` by the hashes of image and bundle.
    Raises DatasetError if an image cannot be read, or is not the one the manifest lists.
    """
    kept = _Kept(_answers_file(engine, Path(cache)))
    places = [_column(engine, name) for name in manifest.task.label_names]
    shape = engine.bundle.preprocessing.rows, engine.bundle.preprocessing.columns
    grey = np.zeros((len(cases), *shape), np.uint8)
    probabilities = np.full((len(cases), len(places)), np.nan)
    for number, case in enumerate(cases):
        sha256, data = case_file(manifest, case)
        image = _grey(manifest.path(case), data, engine.bundle.preprocessing)
        answer = kept.get(sha256)
        if answer is None:
            answer = kept.put(sha256, engine.probabilities(engine.logits(image)).mean(axis=0).tolist())
        grey[number] = _middle(image)
        probabilities[number] = [np.nan if place is None else answer[place] for place in places]
        progress(number + 1, len(cases))
    return Scored(tuple(cases), probabilities, grey)


def control_part(
    manifest: Manifest,
    cases: Sequence[Case],
    preprocessing: Preprocessing,
    progress: Progress = lambda done, total: None,
    cache: Path | None = None,
) -> ControlPart:
    """Return training cases with the border-and-brightness features of their images, as the bundle sees them.

    With a folder `cache` the features are kept there by the hashes of image and preprocessing, as `score` does.
    """
    kept = _Kept(None if cache is None else cache / f"control-{_short_hash(preprocessing)}.jsonl")
    features = np.zeros((len(cases), border_brightness_features([]).shape[1]))
    for number, case in enumerate(cases):
        sha256, data = case_file(manifest, case)
        row = kept.get(sha256)
        if row is None:
            middle = _middle(_grey(manifest.path(case), data, preprocessing))
            row = kept.put(sha256, border_brightness_features([middle])[0].tolist())
        features[number] = row
        progress(number + 1, len(cases))
    return ControlPart(tuple(cases), features)


class _Kept:
    """Rows of numbers by the hash of an image, each appended to a file at once; without a file they are forgotten."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._rows = {} if file is None else _kept_rows(file)

    def get(self, sha256: str) -> list[float] | None:
        return self._rows.get(sha256)

    def put(self, sha256: str, row: list[float]) -> list[float]:
        self._rows[sha256] = row
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"image": sha256, "row": row}) + "\n")
        return row


def _grey(path: Path, data: bytes, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the grey levels (slices, rows, columns) that serving would see."""
    image = decoded(path, data)
    return np.stack([grey_levels(pixels, image.unit, preprocessing) for pixels in image.pixels])


def _middle(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    middle: NDArray[np.uint8] = grey[len(grey) // 2]
    return middle


def _answers_file(engine: Engine, cache: Path) -> Path:
    return cache / f"answers-{engine.installed.sha256[:16]}.jsonl"


def _short_hash(preprocessing: Preprocessing) -> str:
    return hashlib.sha256(repr(preprocessing).encode()).hexdigest()[:16]


def _column(engine: Engine, name: str) -> int | None:
    return engine.bundle.labels.index(name) if name in engine.bundle.labels else None


def _kept_rows(file: Path) -> dict[str, list[float]]:
    """Return the rows by hash of the image; an interruption may have cut the last line, which is dropped."""
    if not file.exists():
        return {}
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        partial = file.with_suffix(".partial")
        partial.write_text(whole, encoding="utf-8")
        os.replace(partial, file)
    entries = (json.loads(line) for line in whole.splitlines())
    return {entry["image"]: entry["row"] for entry in entries}
