"""Runs a bundle over the cases of a manifest; answers are kept, so that a study that was cut goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.evaluation.controls import border_brightness_features
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.imaging.read import decode
from radiolens.inference.engine import Engine
from radiolens.validation.questions import Scored
from radiolens.validation.study import ControlPart

__all__ = ["Progress", "control_part", "forget_answers", "score"]

Progress = Callable[[int, int], None]
"""Told (done, total) images."""


@dataclass(frozen=True, eq=False)
class _Read:
    """One image: its SHA-256 and the grey levels (slices, rows, columns) that serving would see."""

    sha256: str
    grey: NDArray[np.uint8]

    @property
    def middle(self) -> NDArray[np.uint8]:
        """Return the middle slice (rows, columns)."""
        middle: NDArray[np.uint8] = self.grey[len(self.grey) // 2]
        return middle


def score(
    engine: Engine,
    manifest: Manifest,
    cases: Sequence[Case],
    cache: Path,
    progress: Progress = lambda done, total: None,
) -> Scored:
    """Return the calibrated probabilities of the stored network for these cases, as serving computes them.

    A volume's are the mean over its slices. Answers are kept in the folder `cache` by the hashes of image and bundle.
    Raises DatasetError if an image cannot be read, or is not the one the manifest lists. `forget_answers` ends it.
    """
    cache.mkdir(parents=True, exist_ok=True)
    file = _answers_file(engine, cache)
    known = _kept_answers(file)
    places = [_column(engine, name) for name in manifest.task.label_names]
    shape = engine.bundle.preprocessing.rows, engine.bundle.preprocessing.columns
    grey = np.zeros((len(cases), *shape), np.uint8)
    probabilities = np.full((len(cases), len(places)), np.nan)
    with file.open("a", encoding="utf-8") as stream:
        for number, image in enumerate(_images(manifest, cases, engine.bundle.preprocessing)):
            answer = known.get(image.sha256)
            if answer is None:
                answer = engine.probabilities(engine.run(image.grey)[0]).mean(axis=0).tolist()
                known[image.sha256] = answer
                stream.write(json.dumps({"image": image.sha256, "probabilities": answer}) + "\n")
            grey[number] = image.middle
            probabilities[number] = [np.nan if place is None else answer[place] for place in places]
            progress(number + 1, len(cases))
    return Scored(tuple(cases), probabilities, grey)


def forget_answers(engine: Engine, cache: Path) -> None:
    """Remove the answers of this bundle that `score` kept, once the study is written."""
    _answers_file(engine, cache).unlink(missing_ok=True)


def control_part(
    manifest: Manifest,
    cases: Sequence[Case],
    preprocessing: Preprocessing,
    progress: Progress = lambda done, total: None,
) -> ControlPart:
    """Return training cases with the border-and-brightness features of their images, as the bundle sees them."""
    features = np.zeros((len(cases), border_brightness_features([]).shape[1]))
    for number, image in enumerate(_images(manifest, cases, preprocessing)):
        features[number] = border_brightness_features([image.middle])[0]
        progress(number + 1, len(cases))
    return ControlPart(tuple(cases), features)


def _images(manifest: Manifest, cases: Sequence[Case], preprocessing: Preprocessing) -> Iterator[_Read]:
    for case in cases:
        path = manifest.path(case)
        try:
            data = path.read_bytes()
            image = decode([data])
        except (OSError, UnreadableImage) as error:
            raise DatasetError(f"{path}: {error} Correct the manifest, or leave the case out.") from error
        sha256 = hashlib.sha256(data).hexdigest()
        if case.sha256 not in ("", sha256):
            raise DatasetError(
                f"{path}: the manifest expects SHA-256 {case.sha256}, found {sha256}. "
                "Restore the image, or make the manifest anew."
            )
        yield _Read(sha256, np.stack([grey_levels(pixels, image.unit, preprocessing) for pixels in image.pixels]))


def _answers_file(engine: Engine, cache: Path) -> Path:
    return cache / f"answers-{engine.installed.sha256[:16]}.jsonl"


def _column(engine: Engine, name: str) -> int | None:
    return engine.bundle.labels.index(name) if name in engine.bundle.labels else None


def _kept_answers(file: Path) -> dict[str, list[float]]:
    """Return the answers by hash of the image; an interruption may have cut the last line, which is dropped."""
    if not file.exists():
        return {}
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    entries = (json.loads(line) for line in whole.splitlines())
    return {entry["image"]: entry["probabilities"] for entry in entries}
