"""The pictures the gate network learns from: genuine ones, the same with defects, and what no task is for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources import LAYOUTS
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.image import Unit
from radiolens.imaging.preprocess import Fit, Preprocessing, grey_levels
from radiolens.imaging.read import decode
from radiolens.safety.sight import Kind
from radiolens.training.augment import augment
from radiolens.training.config import Augmentation
from radiolens.training.gate.composed import COMPOSED
from radiolens.training.gate.defects import DEFECTS, Grey, head_turned, tilted, trimmed
from radiolens.training.gate.drawn import DRAWN

__all__ = [
    "DEFECT_NAMES",
    "KINDS",
    "PREPROCESSING",
    "TASK_KINDS",
    "KindFolder",
    "Picture",
    "Sample",
    "defect_sample",
    "drawn_pictures",
    "drawn_samples",
    "genuine_pictures",
    "genuine_sample",
    "other_pictures",
    "other_sample",
    "plain_sample",
    "seen",
    "with_defect",
]

KINDS = tuple(Kind)
"""The kinds in the order of the network's output."""

DEFECT_NAMES = ("rotated", "inverted", "cropped")
"""The defects the network answers, in the order of its output behind the kinds; exposure is judged without it."""

PREPROCESSING = Preprocessing(128, 128, fit=Fit.PAD, percentiles=(0.5, 99.5))
"""What the network sees: half the side of a task's network, so that looking costs a third of its time. The aspect ratio
stays, since a stretched half of a film looks like a whole one."""

TASK_KINDS: Mapping[str, Kind] = MappingProxyType(
    {"chest-xray": Kind.CHEST_FRONTAL, "brain-mri": Kind.BRAIN_MR, "brain-ct": Kind.BRAIN_CT}
)
"""The kind of picture that each task is for."""

_LARGEST_SIDE = 384  # pixels kept of a picture: three times what the network sees
_DEFECT_SHARES: Mapping[str, float] = MappingProxyType(
    {"rotated": 0.46, "cropped": 0.3, "inverted": 0.14, "too_dark": 0.05, "too_bright": 0.05}
)
_FACE_DEGREES = {"sich": 90.0}
"""Where the faces of a source look, counter-clockwise from upwards: the heads of `sich` lie on their side."""
_APPEARANCE = Augmentation(smallest_crop=1.0, rotation_degrees=0.0, gamma=0.6, brightness=0.15, border=0.12)
_PLAIN_SHARE = 0.2  # of the genuine pictures are seen as they are


@dataclass(frozen=True)
class Picture:
    """One picture of a file: grey levels (rows, columns), what it shows, and where it is from.

    `source` is a data set's source or a folder of other pictures, `name` the path within its collection.
    """

    grey: Grey
    kind: Kind
    source: str
    name: str


@dataclass(frozen=True)
class Sample:
    """What the network sees, grey levels of its size, and what it is to answer.

    `defects` says of each name whether the picture has it; empty where no answer is asked for. `family` tells how it
    was made: a defect, a generator, or the source alone.
    """

    seen: Grey
    kind: Kind
    defects: Mapping[str, bool]
    source: str
    name: str
    family: str


@dataclass(frozen=True)
class KindFolder:
    """A folder of pictures of one kind; `family` names it in tables."""

    family: str
    kind: Kind


_OTHER_FOLDERS = (
    KindFolder("natural", Kind.OTHER),
    KindFolder("chest-ct-figure", Kind.OTHER),
    KindFolder("chest-lateral", Kind.CHEST_LATERAL),
)


def genuine_pictures(data: Path, splits: Sequence[str], largest: Mapping[str, int], seed: int = 0) -> Iterator[Picture]:
    """Yield pictures of the three collections in `data` that are in one of `splits`.

    Of each source at most as many as `largest` says are drawn; a source it does not name gives none. Raises
    DatasetError or InvalidManifest if a collection is missing or damaged.
    """
    for task, kind in TASK_KINDS.items():
        manifest = LAYOUTS[task](data / task)
        for source in sorted({case.source for case in manifest.cases}):
            cases = [case for case in manifest.cases if case.source == source and case.split in splits]
            random = np.random.default_rng([seed, zlib.crc32(source.encode())])
            drawn = random.permutation(len(cases))[: largest.get(source, 0)]
            yield from (_case_picture(manifest, cases[place], kind) for place in sorted(drawn))


def other_pictures(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of `folder`/natural, chest-ct-figure and chest-lateral.

    Raises DatasetError if a folder is missing, or a file is no image.
    """
    for part in _OTHER_FOLDERS:
        files = sorted((folder / part.family).glob("*.*"))
        if not files:
            raise DatasetError(f"{folder / part.family}: no pictures. Give the folder that holds those of no task.")
        yield from (Picture(_read(file), part.kind, part.family, file.name) for file in files)


def genuine_sample(picture: Picture, random: np.random.Generator) -> Sample:
    """Return a genuine picture as it may come from another clinic: tilted, trimmed, framed, otherwise exposed."""
    return _sample(picture, _as_elsewhere(picture.grey, random), dict.fromkeys(DEFECT_NAMES, False), "genuine")


def plain_sample(picture: Picture, family: str, defects: Mapping[str, bool]) -> Sample:
    """Return a picture as it is."""
    return _sample(picture, picture.grey, defects, family)


def defect_sample(picture: Picture, random: np.random.Generator, defect: str | None = None) -> Sample:
    """Return a genuine picture with the defect of this name, or with one that is drawn."""
    name = defect or str(random.choice(list(_DEFECT_SHARES), p=list(_DEFECT_SHARES.values())))
    told = {known: known == name for known in DEFECT_NAMES}
    changed = with_defect(picture, name, random)
    if name in DEFECT_NAMES and random.random() < 0.7:
        changed = _appearance(changed, random)
    return _sample(picture, changed, told, name)


def with_defect(picture: Picture, name: str, random: np.random.Generator) -> Grey:
    """Return the grey levels of a genuine picture with the defect of this name."""
    if name == "rotated" and picture.kind is Kind.BRAIN_CT:
        return head_turned(picture.grey, random, _FACE_DEGREES.get(picture.source, 0.0))
    return DEFECTS[name](picture.grey, random)


def other_sample(picture: Picture, random: np.random.Generator) -> Sample:
    """Return a picture of no task as it may come: cropped, mirrored, otherwise exposed; photographs also turned."""
    grey = picture.grey
    kept = random.uniform(0.75 if picture.kind is Kind.CHEST_LATERAL else 0.5, 1.0, 2)
    rows, columns = (max(16, int(side * share)) for side, share in zip(grey.shape, kept, strict=True))
    top, left = (
        int(random.integers(0, whole - part + 1)) for whole, part in zip(grey.shape, (rows, columns), strict=True)
    )
    grey = np.ascontiguousarray(grey[top : top + rows, left : left + columns])
    if picture.source == "natural":
        grey = np.ascontiguousarray(np.rot90(grey, int(random.integers(0, 4))))
    grey = tilted(grey, random) if random.random() < 0.5 else grey
    grey = np.asarray(255 - grey, np.uint8) if random.random() < 0.1 else grey
    return _sample(picture, _appearance(_framed(_stretched(grey, random), random), random), {}, picture.source)


def drawn_samples(
    genuine: Sequence[Picture], count: int, random: np.random.Generator, families: Sequence[str] = ()
) -> Iterator[Sample]:
    """Yield `count` samples of every generator, or of the named ones; the composed ones are made of `genuine`."""
    for picture in drawn_pictures(genuine, count, random, families):
        grey = _appearance(picture.grey, random) if random.random() < 0.6 else picture.grey
        yield _sample(picture, grey, {}, picture.name.rsplit("-", 1)[0])


def drawn_pictures(
    genuine: Sequence[Picture], count: int, random: np.random.Generator, families: Sequence[str] = ()
) -> Iterator[Picture]:
    """Yield `count` pictures of every generator, or of the named ones, named <generator>-<number>."""

    def draw() -> Grey:
        return genuine[int(random.integers(len(genuine)))].grey

    for name in families or (*DRAWN, *COMPOSED):
        for number in range(count):
            grey = DRAWN[name](random) if name in DRAWN else COMPOSED[name](random, draw)
            yield Picture(grey, Kind.OTHER, "generated", f"{name}-{number}")


def seen(grey: Grey) -> Grey:
    """Return grey levels of any size (rows, columns) as those of the network's size."""
    levels = grey.astype(np.float32) / np.float32(255)
    return grey_levels(levels, Unit.UNIT_INTERVAL, PREPROCESSING)


def _sample(picture: Picture, grey: Grey, defects: Mapping[str, bool], family: str) -> Sample:
    return Sample(seen(grey), picture.kind, defects, picture.source, picture.name, family)


def _case_picture(manifest: Manifest, case: Case, kind: Kind) -> Picture:
    return Picture(_read(manifest.path(case)), kind, case.source, f"{manifest.task.name}/{case.path}")


def _read(file: Path) -> Grey:
    """Return a picture as serving decodes it, in 8 bits, at most 384 pixels long; raise DatasetError if it is none."""
    try:
        image = decode([file.read_bytes()])
    except (OSError, UnreadableImage) as error:
        raise DatasetError(f"{file}: {error} Take it out of the folder, or repair it.") from error
    rows, columns = image.pixels.shape[1:]
    shrink = min(1.0, _LARGEST_SIDE / max(rows, columns))
    size = replace(PREPROCESSING, rows=max(1, round(rows * shrink)), columns=max(1, round(columns * shrink)))
    return grey_levels(image.pixels[0], image.unit, replace(size, fit=Fit.STRETCH, percentiles=(0.0, 100.0)))


def _as_elsewhere(grey: Grey, random: np.random.Generator) -> Grey:
    if random.random() < _PLAIN_SHARE:
        return grey
    grey = trimmed(grey, random) if random.random() < 0.5 else grey
    grey = tilted(grey, random) if random.random() < 0.5 else grey
    return _appearance(_framed(_stretched(grey, random), random), random)


def _stretched(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture with another aspect ratio, as poor exports have."""
    if random.random() < 0.6:
        return grey
    rows, columns = (max(16, round(side * random.uniform(0.85, 1.15))) for side in grey.shape)
    return np.asarray(cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def _framed(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture with a border of one shade, as viewers and scanners add one."""
    if random.random() < 0.7:
        return grey
    rows, columns = grey.shape
    top, bottom = (int(rows * random.uniform(0, 0.15)) for _ in range(2))
    left, right = (int(columns * random.uniform(0, 0.15)) for _ in range(2))
    shade = int(random.choice([0, 0, 0, 255, int(random.integers(0, 256))]))
    return np.asarray(cv2.copyMakeBorder(grey, top, bottom, left, right, cv2.BORDER_CONSTANT, value=shade), np.uint8)


def _appearance(grey: NDArray[np.uint8], random: np.random.Generator) -> Grey:
    return augment(grey, _APPEARANCE, random)
