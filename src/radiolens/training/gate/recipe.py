"""Which pictures the gate network learns from, how often each is seen, and on which its limits are chosen.

No picture of a test split, of `tbx11k` or of out-of-distribution/test is among them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np

from radiolens.training.gate.composed import COMPOSED
from radiolens.training.gate.drawn import DRAWN
from radiolens.training.gate.samples import (
    DEFECT_NAMES,
    Picture,
    PictureFile,
    Sample,
    defect_sample,
    drawn_samples,
    genuine_files,
    genuine_sample,
    other_files,
    other_sample,
    plain_sample,
)
from radiolens.training.reading_code import digest_of_readers

__all__ = ["OTHER_FOLDER", "SEED", "Planned", "training_samples", "validation_samples"]

SEED = 0

OTHER_FOLDER = Path("out-of-distribution/train")
"""Where the pictures of no task lie below the folder of the collections."""


@dataclass(frozen=True)
class _Share:
    """How many training pictures of a source are taken at most, and how often each of them is seen and how.

    `any_defect` is how often with a defect that is drawn: cut off, or badly exposed.
    """

    largest: int
    genuine: int
    rotated: int
    inverted: int
    any_defect: int = 1


_SHARES: Mapping[str, _Share] = MappingProxyType(
    {
        "guangzhou": _Share(500, 2, 2, 1, 2),
        "tb-collection": _Share(500, 2, 2, 1, 2),
        "nih": _Share(400, 2, 2, 1, 2),
        "figshare": _Share(1200, 1, 4, 1, 2),
        "web": _Share(700, 3, 12, 1, 3),
        "sich": _Share(900, 2, 6, 1, 2),
        "stroke": _Share(900, 2, 6, 1, 2),
    }
)
"""Enough of each, so that no hospital is what a film has to look like. Every picture is inverted once, since films of a
hospital that was left out were taken for inverted; web MR is turned most, since it lies in every plane."""

_OTHER_ROUNDS: Mapping[str, int] = MappingProxyType({"natural": 12, "chest-ct-figure": 60, "chest-lateral": 45})
"""The fewer files a folder has, the more often each is changed and seen."""

_DRAWN, _COMPOSED = 60, 90  # of each generator: those made of genuine pictures are harder

_VALIDATION = 200  # pictures of each source: the limits refuse a few in a thousand
_VALIDATION_DEFECTS = 50  # of those
_VALIDATION_DRAWN = 10

_MADE_BY = (
    "radiolens.inference.gate_bundle",
    "radiolens.safety.sight",
    "radiolens.training.augment",
    "radiolens.training.config",
    "radiolens.training.efficientnet_lite",
    "radiolens.training.model",
    "radiolens.training.onnx_export",
    *(f"radiolens.training.gate.{name}" for name in ("composed", "defects", "drawn", "network", "recipe", "samples")),
)
"""The modules that say, beside those that read pictures, what a sample looks like, in which order its kinds and defects
are numbered, and what the backbone makes of it; named, since some import Keras."""


@dataclass(frozen=True)
class Planned:
    """Samples to come, and how many there will be; `key` differs as soon as recipe or pictures do."""

    count: int
    key: str
    samples: Iterator[Sample]


def training_samples(data: Path, seed: int = SEED) -> Planned:
    """Return what the network is trained on, from the collections in `data`.

    Raises DatasetError or InvalidManifest if a collection is missing or damaged.
    """
    genuine = genuine_files(data, ["train"], {source: share.largest for source, share in _SHARES.items()}, seed)
    others = other_files(data / OTHER_FOLDER)
    shares = [_SHARES[file.source] for file in genuine]
    count = (
        sum(share.genuine + share.rotated + share.inverted + share.any_defect for share in shares)
        + sum(_OTHER_ROUNDS[file.source] for file in others)
        + _DRAWN * len(DRAWN)
        + _COMPOSED * len(COMPOSED)
    )
    return Planned(count, _key([*genuine, *others], seed), _training(genuine, others, np.random.default_rng(seed)))


def validation_samples(data: Path, seed: int = SEED) -> Planned:
    """Return what temperature and limits are chosen on: validation pictures as they are and with defects, and junk.

    The files of no task are those of training, since there are no others: they choose no temperature and no limit.
    Raises as `training_samples`.
    """
    genuine = genuine_files(data, ["validation"], dict.fromkeys(_SHARES, _VALIDATION), seed)
    others = other_files(data / OTHER_FOLDER)
    by_source = Counter(file.source for file in genuine)
    defects = len(DEFECT_NAMES) * sum(min(count, _VALIDATION_DEFECTS) for count in by_source.values())
    count = len(genuine) + defects + len(others) + _VALIDATION_DRAWN * (len(DRAWN) + len(COMPOSED))
    made = _validation(genuine, others, np.random.default_rng([seed, 1]))
    return Planned(count, _key([*genuine, *others], seed), made)


def _training(
    genuine: Sequence[PictureFile], others: Sequence[PictureFile], random: np.random.Generator
) -> Iterator[Sample]:
    pictures: list[Picture] = []
    for file in genuine:
        share, picture = _SHARES[file.source], file.read()
        pictures.append(picture)
        yield from (genuine_sample(picture, random) for _ in range(share.genuine))
        yield from (defect_sample(picture, random, "rotated") for _ in range(share.rotated))
        yield from (defect_sample(picture, random, "inverted") for _ in range(share.inverted))
        yield from (defect_sample(picture, random) for _ in range(share.any_defect))
    for file in others:
        picture = file.read()
        yield from (other_sample(picture, random) for _ in range(_OTHER_ROUNDS[file.source]))
    yield from drawn_samples(pictures, _DRAWN, random, tuple(DRAWN))
    yield from drawn_samples(pictures, _COMPOSED, random, tuple(COMPOSED))


def _validation(
    genuine: Sequence[PictureFile], others: Sequence[PictureFile], random: np.random.Generator
) -> Iterator[Sample]:
    seen: Counter[str] = Counter()
    pictures: list[Picture] = []
    for file in genuine:
        picture = file.read()
        pictures.append(picture)
        yield plain_sample(picture, "genuine", dict.fromkeys(DEFECT_NAMES, False))
        seen[picture.source] += 1
        if seen[picture.source] <= _VALIDATION_DEFECTS:
            yield from (defect_sample(picture, random, name) for name in DEFECT_NAMES)
    yield from drawn_samples(pictures, _VALIDATION_DRAWN, random)
    for file in others:
        yield plain_sample(file.read(), file.source, {})


def _key(files: Sequence[PictureFile], seed: int) -> str:
    """Return the hash of the recipe's text, the seed, and the names and contents of the pictures, 16 digits of it.

    The text of the modules holds every setting and every change of a picture.
    """
    found = hashlib.sha256(f"{seed}/{digest_of_readers()}/".encode())
    for module in _MADE_BY:
        spec = find_spec(module)
        found.update(hashlib.sha256(Path(str(spec and spec.origin)).read_bytes()).digest())
    for file in files:
        found.update(f"{file.kind}/{file.source}/{file.name}/".encode())
        found.update(hashlib.sha256(file.path.read_bytes()).digest())
    return found.hexdigest()[:16]
