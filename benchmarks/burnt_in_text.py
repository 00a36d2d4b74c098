"""How often text that is burnt in is found, and how often a picture without known text is taken to have some.

    .venv/bin/python benchmarks/burnt_in_text.py ../shared/data --pictures 60       # about two minutes on an idle core

Training and validation pictures alone. Lines like a name, a date and a number are written into each picture at a random
place, of a height in pixels and a strength (1 is the brightest value, 0.7 lies between it and what is behind). What is
found without them is partly text of the film's own (PORTABLE, a clock): the names of the first files are printed to be
looked at. Seed 0.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

import radiolens
from radiolens.cli.collection import open_collection
from radiolens.evaluation.intervals import share_interval
from radiolens.imaging.read import decode
from radiolens.safety.burnt_in import looks_burnt_in
from radiolens.tasks import TASKS

FONT = Path(radiolens.__file__).parent / "fonts" / "RadiolensSans-Regular.ttf"
LINES = ("DOE JANE", "Martinez Luis", "SMITH^JOHN", "12.03.1961", "ID 4711-0815")
HEIGHTS = (8, 12, 20)
STRENGTHS = (1.0, 0.7)
SEED = 0
SLICES = 16  # of a volume that are looked at


def written(
    plane: NDArray[np.float32], height: int, strength: float, chance: np.random.Generator
) -> NDArray[np.float32]:
    """Return a picture (rows, columns; 0 to 1) with a line of text in it."""
    rows, columns = plane.shape
    mask = PIL.Image.new("L", (columns, rows))
    place = int(chance.integers(2, max(3, columns - 8 * height))), int(chance.integers(2, rows - height - 4))
    font = PIL.ImageFont.truetype(FONT, height)
    PIL.ImageDraw.Draw(mask).text(place, str(chance.choice(LINES)), fill=255, font=font)
    part = strength * np.asarray(mask, np.float32) / 255
    return np.asarray(plane * (1 - part) + part, np.float32)


def told(found: list[bool]) -> str:
    """Return a share with its interval."""
    share = share_interval(sum(found), len(found))
    return f"{share.estimate:.1%} ({share.low:.1%} to {share.high:.1%})"


def pictures(data: Path, task: str, at_most: int) -> Iterator[tuple[str, list[Path]]]:
    """Yield each source of a task and some of its training and validation pictures."""
    manifest = open_collection(data / task, task)
    by_source: dict[str, list[Path]] = defaultdict(list)
    for case in manifest.cases:
        if case.split in ("train", "validation"):
            by_source[case.source].append(manifest.path(case))
    for source, files in by_source.items():
        yield source, [files[place] for place in np.random.default_rng(SEED).permutation(len(files))[:at_most]]


def volumes(data: Path) -> Iterator[tuple[str, int, list[bool]]]:
    """Yield each source of head CT, and whether the slices of each patient together are taken to have text."""
    manifest = open_collection(data / "brain-ct", "brain-ct")
    slices: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for case in manifest.cases:
        if case.split in ("train", "validation"):
            slices[case.source, case.patient_id].append(manifest.path(case))
    for source in sorted({source for source, _ in slices}):
        found = [
            looks_burnt_in(np.concatenate([decode([file.read_bytes()]).pixels for file in files[:SLICES]]))
            for (own, _), files in slices.items()
            if own == source and len(files) > 1
        ]
        yield source, len(found), found


def main() -> None:
    """Print a line for each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the collections")
    parser.add_argument("--pictures", type=int, default=60, help="at most, of a source; default 60")
    given = parser.parse_args()
    for source, count, taken in volumes(given.data):
        print(f"{source}: {count} volumes of up to {SLICES} slices, taken for text {told(taken)}", flush=True)
    for task in TASKS:
        for source, files in pictures(given.data, task.name, given.pictures):
            chance = np.random.default_rng(SEED)
            planes = [decode([file.read_bytes()]).pixels[0] for file in files]
            without = [looks_burnt_in(plane[np.newaxis]) for plane in planes]
            print(f"{source}: {len(planes)} pictures, taken for text {told(without)}")
            for strength in STRENGTHS:
                found = [
                    looks_burnt_in(written(plane, height, strength, chance)[np.newaxis])
                    for plane, known in zip(planes, without, strict=True)
                    for height in HEIGHTS
                    if not known
                ]
                print(f"  text of strength {strength}, in the others: found {told(found)}", flush=True)
            named = [file.name for file, known in zip(files, without, strict=True) if known]
            print(f"  {', '.join(named[:8])}")


if __name__ == "__main__":
    main()
