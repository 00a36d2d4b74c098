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

from radiolens.data.manifest import Case
from radiolens.data.sources import LAYOUTS
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.image import Unit
from radiolens.imaging.preprocess import Fit, Preprocessing, grey_levels
from radiolens.imaging.read import decode
from radiolens.inference import gate_bundle
from radiolens.safety.sight import Kind
from radiolens.training.augment import augment
from radiolens.training.config import Augmentation, source_and_label
from radiolens.training.gate.composed import COMPOSED
from radiolens.training.gate.defects import DEFECTS, Grey, head_turned, tilted, trimmed
from radiolens.training.gate.drawn import DRAWN

__all__ = [
    "DEFECT_NAMES",
    "KINDS",
    "OTHER_FOLDERS",
    "PREPROCESSING",
    "TASK_KINDS",
    "KindFolder",
    "Picture",
    "PictureFile",
    "Sample",
    "defect_sample",
    "drawn_pictures",
    "drawn_samples",
    "genuine_files",
    "genuine_pictures",
    "genuine_sample",
    "other_files",
    "other_pictures",
    "other_sample",
    "plain_sample",
    "seen",
    "with_defect",
]

KINDS = tuple(Kind)
"""The kinds in the order of the network's output."""

DEFECT_NAMES = gate_bundle.DEFECTS
"""The defects the network answers, in the order of its output behind the kinds; exposure is judged without it."""

PREPROCESSING = Preprocessing(128, 128, fit=Fit.PAD, percentiles=(0.5, 99.5))
"""What the network sees: half the side of a task's network, so that looking costs a third of its time. The aspect ratio
stays, since a stretched half of a film looks like a whole one."""

TASK_KINDS: Mapping[str, Kind] = MappingProxyType(
    {"chest-xray": Kind.CHEST_FRONTAL, "brain-mri": Kind.BRAIN_MR, "brain-ct": Kind.BRAIN_CT}
)
"""The kind of picture that each task is for."""

_LARGEST_SIDE = 384  # pixels kept of a picture: three times what the network sees
_DEFECT_SHARES: Mapping[str, float] = MappingProxyType({"cropped": 0.8, "too_dark": 0.1, "too_bright": 0.1})
"""Of the defects that are drawn: rotation and inversion are asked for by name."""
_FACE_DEGREES = {"sich": 90.0}
"""Where the faces of a source look, counter-clockwise from upwards: the heads of `sich` lie on their side."""
_APPEARANCE = Augmentation(smallest_crop=1.0, rotation_degrees=0.0, gamma=0.6, brightness=0.15, border=0.12)
_PLAIN_SHARE = 0.2  # of the genuine pictures are seen as they are
_TONED_SHARE = 0.35  # of the changed ones get another tone curve: every maker of films has its own
_EQUALIZED_SHARE = 0.3  # of those: local contrast equalization, which many makers apply


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
class PictureFile:
    """A file that holds a picture, and what is known of it (see `Picture`)."""

    path: Path
    kind: Kind
    source: str
    name: str

    def read(self) -> Picture:
        """Return the picture; raise DatasetError if the file is no image."""
        return Picture(_read(self.path), self.kind, self.source, self.name)


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


OTHER_FOLDERS = (
    KindFolder("natural", Kind.OTHER),
    KindFolder("chest-ct-figure", Kind.OTHER),
    KindFolder("chest-lateral", Kind.CHEST_LATERAL),
)
"""Where the pictures of no task lie, in training and in the test."""


def genuine_files(data: Path, splits: Sequence[str], largest: Mapping[str, int], seed: int = 0) -> list[PictureFile]:
    """Return the files of the three collections in `data` that are in one of `splits`.

    Of each source at most as many as `largest` says are drawn, of each of its labels as many as there are: a label may
    be all that a hospital gave to a collection. A source that `largest` does not name gives none. Raises DatasetError
    or InvalidManifest if a collection is missing or damaged.
    """
    files = []
    for task, kind in TASK_KINDS.items():
        manifest = LAYOUTS[task](data / task)
        for source in sorted({case.source for case in manifest.cases}):
            cases = [case for case in manifest.cases if case.source == source and case.split in splits]
            random = np.random.default_rng([seed, zlib.crc32(source.encode())])
            drawn = _drawn_evenly(cases, largest.get(source, 0), random)
            files += [PictureFile(manifest.path(case), kind, source, f"{task}/{case.path}") for case in drawn]
    return files


def genuine_pictures(data: Path, splits: Sequence[str], largest: Mapping[str, int], seed: int = 0) -> Iterator[Picture]:
    """Yield the pictures of `genuine_files`, which says what is raised."""
    yield from (file.read() for file in genuine_files(data, splits, largest, seed))


def other_files(folder: Path) -> list[PictureFile]:
    """Return the files of `folder`/natural, chest-ct-figure and chest-lateral; raise DatasetError if one is missing."""
    files = []
    for part in OTHER_FOLDERS:
        paths = sorted((folder / part.family).glob("*.*"))
        if not paths:
            raise DatasetError(f"{folder / part.family}: no pictures. Give the folder that holds those of no task.")
        files += [PictureFile(path, part.kind, part.family, path.name) for path in paths]
    return files


def other_pictures(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of `other_files`; raise DatasetError also if a file is no image."""
    yield from (file.read() for file in other_files(folder))


def genuine_sample(picture: Picture, random: np.random.Generator) -> Sample:
    """Return a genuine picture as it may come from another clinic: tilted, trimmed, framed, otherwise exposed."""
    return _sample(picture, _as_elsewhere(picture.grey, random), dict.fromkeys(DEFECT_NAMES, False), "genuine")


def plain_sample(picture: Picture, family: str, defects: Mapping[str, bool]) -> Sample:
    """Return a picture as it is."""
    return _sample(picture, picture.grey, defects, family)


def defect_sample(picture: Picture, random: np.random.Generator, defect: str | None = None) -> Sample:
    """Return a genuine picture with the defect of this name, or with one that is drawn.

    What is turned or inverted may have been framed and exposed as elsewhere before, and mostly is so afterwards.
    """
    name = defect or str(random.choice(list(_DEFECT_SHARES), p=list(_DEFECT_SHARES.values())))
    told = {known: known == name for known in DEFECT_NAMES}
    before = picture
    if name in ("rotated", "inverted") and random.random() < 0.5:
        tilt_share = 0.0 if name == "rotated" else 0.5  # which could set a turned picture upright
        before = replace(picture, grey=_as_elsewhere(picture.grey, random, tilt_share))
    changed = with_defect(before, name, random)
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


def _drawn_evenly(cases: Sequence[Case], count: int, random: np.random.Generator) -> list[Case]:
    """Return at most `count` cases in the order of the manifest, of each label as many as there are."""
    turns: list[tuple[int, int, int]] = []  # (turn, label, place): one case of each label in every turn
    labels = [source_and_label(case) for case in cases]
    for number, label in enumerate(sorted(set(labels))):
        places = [place for place, own in enumerate(labels) if own == label]
        turns += [(turn, number, places[drawn]) for turn, drawn in enumerate(random.permutation(len(places)))]
    return [cases[place] for place in sorted(place for _, _, place in sorted(turns)[:count])]


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


def _as_elsewhere(grey: Grey, random: np.random.Generator, tilt_share: float = 0.5) -> Grey:
    if random.random() < _PLAIN_SHARE:
        return grey
    grey = trimmed(grey, random) if random.random() < 0.5 else grey
    grey = tilted(grey, random) if random.random() < tilt_share else grey
    return _appearance(_framed(_stretched(_toned(grey, random), random), random), random)


def _toned(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture with another tone curve, which keeps dark darker than bright, or locally equalized."""
    if random.random() >= _TONED_SHARE:
        return grey
    if random.random() < _EQUALIZED_SHARE:
        tiles = int(random.integers(2, 9))
        return np.asarray(cv2.createCLAHE(random.uniform(1.5, 5.0), (tiles, tiles)).apply(grey), np.uint8)
    rises = random.dirichlet(np.ones(int(random.integers(3, 7))))
    levels = 255 * np.concatenate([[0.0], np.cumsum(rises)])
    curve = np.interp(np.arange(256), np.linspace(0, 255, len(levels)), levels)
    return np.asarray(np.rint(curve), np.uint8)[grey]


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
