"""The pictures on which a gate is measured: genuine test pictures, the same with defects, and what no task is for.

Nothing of them was trained on, and no limit was chosen on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiolens.data.case_files import case_file, decoded
from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources import LAYOUTS
from radiolens.errors import DatasetError
from radiolens.image import Image, Source, Unit
from radiolens.safety.sight import Kind
from radiolens.training.gate.defects import DEFECTS, Grey
from radiolens.training.gate.samples import OTHER_FOLDERS, TASK_KINDS, Picture, drawn_pictures, with_defect

__all__ = ["OTHER_TEST", "Asked", "defective", "drawn", "genuine", "others"]

OTHER_TEST = Path("out-of-distribution/test")
"""Where the pictures of no task lie below the folder of the collections."""

_SCORED = ("test", "external")


@dataclass(frozen=True, eq=False)
class Asked:
    """One picture, and what is known of it.

    `group` is the row of the table it belongs to: a source, a folder, a generator. `defect` is the refusal code that is
    right for it; empty for a picture as it is.
    """

    image: Image
    kind: Kind
    group: str
    name: str
    defect: str = ""

    @property
    def grey(self) -> Grey:
        """Return the grey levels (rows, columns) of its first slice."""
        return np.asarray(np.rint(np.clip(self.image.pixels[0], 0, 1) * 255), np.uint8)


def genuine(data: Path, largest: int | None = None, seed: int = 0) -> Iterator[Asked]:
    """Yield the test and external pictures of the three collections, of each source at most `largest`, drawn.

    Raises DatasetError or InvalidManifest if a collection is missing or damaged.
    """
    for manifest, kind, cases in _sources(data, largest, seed):
        for case in cases:
            path = manifest.path(case)
            image = decoded(path, case_file(manifest, case)[1])
            yield Asked(image, kind, case.source, f"{manifest.task.name}/{case.path}")


def defective(pictures: Sequence[Asked], count: int, seed: int = 0) -> Iterator[Asked]:
    """Yield `count` of the genuine pictures with every defect, about as many of each source."""
    random = np.random.default_rng([seed, 2])
    for asked in _even(pictures, count, random):
        picture = Picture(asked.grey, asked.kind, asked.group, asked.name)
        for name in DEFECTS:
            yield Asked(_image(with_defect(picture, name, random)), asked.kind, asked.group, asked.name, name)


def others(data: Path) -> Iterator[Asked]:
    """Yield the pictures of `data`/out-of-distribution/test; raise DatasetError if a folder is missing or empty."""
    for part in OTHER_FOLDERS:
        folder = data / OTHER_TEST / part.family
        files = sorted(folder.glob("*.*"))
        if not files:
            raise DatasetError(f"{folder}: no pictures. Give the folder that holds the collections.")
        for file in files:
            yield Asked(decoded(file, file.read_bytes()), part.kind, part.family, file.name)


def drawn(pictures: Sequence[Asked], count: int, seed: int = 0) -> Iterator[Asked]:
    """Yield `count` pictures of every generator of junk; training had other seeds, and other films in them."""
    material = [Picture(asked.grey, asked.kind, asked.group, asked.name) for asked in pictures]
    for picture in drawn_pictures(material, count, np.random.default_rng([seed, 3])):
        yield Asked(_image(picture.grey), picture.kind, picture.name.rsplit("-", 1)[0], picture.name)


def _sources(data: Path, largest: int | None, seed: int) -> Iterator[tuple[Manifest, Kind, Sequence[Case]]]:
    for task, kind in TASK_KINDS.items():
        manifest = LAYOUTS[task](data / task)
        for source in sorted({case.source for case in manifest.cases}):
            cases = [case for case in manifest.cases if case.source == source and case.split in _SCORED]
            places = np.random.default_rng(seed).permutation(len(cases))[:largest]
            yield manifest, kind, [cases[place] for place in sorted(places)]


def _even(pictures: Sequence[Asked], count: int, random: np.random.Generator) -> list[Asked]:
    """Return `count` pictures, source by source in turn."""
    queues = {
        group: [asked for asked in pictures if asked.group == group] for group in sorted({a.group for a in pictures})
    }
    shuffled = [[queue[place] for place in random.permutation(len(queue))] for queue in queues.values()]
    chosen = [
        queue[turn] for turn in range(max(map(len, shuffled), default=0)) for queue in shuffled if turn < len(queue)
    ]
    return chosen[:count]


def _image(grey: Grey) -> Image:
    pixels = (grey.astype(np.float32) / np.float32(255))[np.newaxis]
    return Image(pixels, Unit.UNIT_INTERVAL, Source("png", size=(grey.shape[0], grey.shape[1])))
