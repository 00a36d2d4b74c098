"""What the checks refuse that need no gate network: exposure, and the distance to the training pictures.

    .venv/bin/python benchmarks/refusals.py ../shared/data            # about six minutes on 2 idle cores

Validation splits only; of pictures that no task is for, `out-of-distribution/train`. No test split is read. Seed 0.

exposure   share of validation pictures refused, by source, and of the same pictures made too dark or too bright
distance   share refused by the distance to the training pictures of each released bundle: validation pictures, those of
           a source while the reference is made without it, validation pictures of the other tasks, and others. The
           network itself has seen the sources that are left out: of a hospital that it has not, more may be refused.
           `stroke` is one that no network was trained on.
methods    the same with other distances, each with the limit below which 99.5 % of validation pictures lie: share
           refused of what is not of the task
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import RELEASED, find_bundles
from radiolens.cli.collection import open_collection
from radiolens.evaluation.intervals import share_interval
from radiolens.image import Image, Unit
from radiolens.imaging.preprocess import grey_levels
from radiolens.imaging.read import decode
from radiolens.inference.engine import Engine
from radiolens.safety.exposure import check_exposure
from radiolens.safety.feature_distance import FeatureReference, fit_reference
from radiolens.tasks import TASKS, get_task
from radiolens.training.configs import load_experiment
from radiolens.training.gate.defects import DEFECTS
from radiolens.training.reference import feature_reference

SEED = 0
DIMENSIONS = 64  # as in the bundles
PASSING = 0.995
FEWEST = 20  # pictures of a source, for a share to mean anything
SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Picture:
    """One file, and what it is: its task or folder, source, split and sampling group."""

    file: Path
    of: str
    source: str
    split: str
    group: str


Pooled = Mapping[Picture, NDArray[np.float32]]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the collections")
    parser.add_argument("--images", type=int, default=250, help="at most, of a source or group; default 250")
    parser.add_argument("--bundles", type=Path, default=RELEASED, help="default: the released ones")
    given = parser.parse_args()
    pictures = {task.name: list(_pictures(given.data, task.name, given.images)) for task in TASKS}
    print(f"exposure, seed {SEED}")
    for task, known in pictures.items():
        for line in exposure_lines(task, [entry for entry in known if entry.split == "validation"]):
            print(line, flush=True)
    others = list(_others(given.data))
    for name, folder in find_bundles([given.bundles]).items():
        if name in pictures:
            far = [entry for task, known in pictures.items() if task != name for entry in known if _held_out(entry)]
            print(f"\ndistance, {name} {folder.name}, seed {SEED}")
            engine = Engine.open(folder)
            pooled = {entry: pooled_features(engine, entry.file) for entry in (*pictures[name], *far, *others)}
            for line in distance_lines(pooled, pictures[name], [*far, *others]):
                print(line, flush=True)
            print(f"\nmethods, {name} {folder.name}, seed {SEED}")
            for line in method_lines(pooled, pictures[name], [*far, *others]):
                print(line, flush=True)


def exposure_lines(task: str, pictures: Sequence[Picture]) -> Iterator[str]:
    """Yield for each source the share refused of genuine pictures, and of those made too dark and too bright."""
    random = np.random.default_rng(SEED)
    refused: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for entry in pictures:
        grey = np.rint(_read(entry.file).pixels[0] * 255).astype(np.uint8)
        refused[entry.source, "genuine"].append(bool(_exposure_codes(grey, task)))
        for code in ("too_dark", "too_bright"):
            refused[entry.source, code].append(_exposure_codes(DEFECTS[code](grey, random), task) == [code])
    for (source, what), found in refused.items():
        yield _line(f"{source}, {what}", found)


def pooled_features(engine: Engine, file: Path) -> NDArray[np.float32]:
    """Return the pooled features (channels,) of a picture."""
    image = _read(file)
    grey = grey_levels(image.pixels[0], image.unit, engine.bundle.preprocessing)
    features: NDArray[np.float32] = engine.run(grey[None])[1].mean(axis=(1, 2))[0]
    return features


def distance_lines(pooled: Pooled, own: Sequence[Picture], far: Sequence[Picture]) -> Iterator[str]:
    """Yield the shares refused by the distance to the training pictures, by kind of picture."""
    training = [entry for entry in own if entry.split == "train"]
    limit_of = _reference(pooled, training)
    if limit_of is None:
        yield "too few training pictures"
        return
    validation = [entry for entry in own if entry.split == "validation"]
    for source in sorted({entry.source for entry in validation}):
        shown = [entry for entry in validation if entry.source == source]
        yield _line(f"{source}, validation", [limit_of.is_unlike(pooled[entry]) for entry in shown])
        without = _reference(pooled, [entry for entry in training if entry.source != source])
        if without is not None and len(shown) >= FEWEST:
            yield _line(f"{source}, left out of the reference", [without.is_unlike(pooled[entry]) for entry in shown])
    for name in dict.fromkeys(f"{entry.of}/{entry.source}" for entry in far):
        shown = [entry for entry in far if f"{entry.of}/{entry.source}" == name]
        yield _line(name, [limit_of.is_unlike(pooled[entry]) for entry in shown])


def method_lines(pooled: Pooled, own: Sequence[Picture], far: Sequence[Picture]) -> Iterator[str]:
    """Yield for each other distance the shares of far pictures refused where 99.5 % of validation pictures pass."""
    known, held_out = (
        np.stack([pooled[entry] for entry in own if entry.split == split]) for split in ("train", "validation")
    )
    names = list(dict.fromkeys(f"{entry.of}/{entry.source}" for entry in far))
    for method, distance in METHODS.items():
        limit = np.quantile(distance(known, held_out), PASSING)
        for name in names:
            shown = np.stack([pooled[entry] for entry in far if f"{entry.of}/{entry.source}" == name])
            yield _line(f"{method}: {name}", (distance(known, shown) > limit).tolist())


def mahalanobis(known: NDArray[np.float32], shown: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the distance of features (n, channels) to known ones, as of one Gaussian in their first 64 components."""
    middle, components = known.mean(axis=0), _components(known - known.mean(axis=0))
    inverse = np.linalg.inv(np.cov((known - middle) @ components.T, rowvar=False))
    placed = (shown - middle) @ components.T
    return np.asarray(np.einsum("ni,ij,nj->n", placed, inverse, placed), np.float64)


def outside(known: NDArray[np.float32], shown: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the share of the features' length that lies outside of the first 64 components of known ones."""
    inside = np.linalg.norm(shown @ _components(known).T, axis=1) / np.linalg.norm(shown, axis=1)
    return np.asarray(1 - inside, np.float64)


def nearest(known: NDArray[np.float32], shown: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the distance that the bundles use."""
    return fit_reference(known, DIMENSIONS, limit=1.0).distances(shown)


METHODS = {"Mahalanobis": mahalanobis, "outside": outside, "third nearest": nearest}


def _components(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.linalg.svd(features.astype(np.float64), full_matrices=False)[2][:DIMENSIONS], np.float32)


def _pictures(data: Path, task: str, at_most: int) -> Iterator[Picture]:
    """Yield training and validation pictures, of each group at most so many."""
    random = np.random.default_rng(SEED)
    experiment, manifest = load_experiment(task.replace("-", "_")), open_collection(data / task, task)
    groups: dict[tuple[str, str], list[Picture]] = defaultdict(list)
    trained_on = experiment.sources or {case.source for case in manifest.cases}
    for case in manifest.cases:
        if case.split == "validation" or (case.split == "train" and case.source in trained_on):
            group = experiment.group_by(case)
            groups[case.split, group].append(Picture(manifest.path(case), task, case.source, case.split, group))
    for found in groups.values():
        yield from (found[place] for place in random.permutation(len(found))[:at_most])


def _others(data: Path) -> Iterator[Picture]:
    for file in sorted((data / "out-of-distribution" / "train").rglob("*")):
        if file.suffix in SUFFIXES:
            yield Picture(file, "others", file.parent.name, "train", "")


def _held_out(entry: Picture) -> bool:
    return entry.split == "validation"


def _reference(pooled: Pooled, shown: Sequence[Picture]) -> FeatureReference | None:
    if len(shown) < FEWEST:
        return None
    features = np.stack([pooled[entry] for entry in shown])
    return feature_reference(features, [entry.group for entry in shown], SEED)


def _exposure_codes(grey: NDArray[np.uint8], task: str) -> list[str]:
    pixels = grey.astype(np.float32) / np.float32(255)
    white_bone = "CT" in get_task(task).modalities
    return [found.code.value for found in check_exposure(pixels, Unit.UNIT_INTERVAL, white_bone=white_bone)]


def _read(file: Path) -> Image:
    return decode([file.read_bytes()])


def _line(name: str, refused: Sequence[bool]) -> str:
    interval = share_interval(sum(refused), len(refused))
    return (
        f"{name:<44} {len(refused):5} pictures, refused {interval.estimate:6.1%} "
        f"({interval.low:.1%} to {interval.high:.1%})"
    )


if __name__ == "__main__":
    main()
