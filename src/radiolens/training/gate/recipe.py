"""Which pictures the gate network learns from, how often each is seen, and on which its limits are chosen.

No picture of a test split, of `tbx11k` or of out-of-distribution/test is among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from radiolens.training.gate.composed import COMPOSED
from radiolens.training.gate.drawn import DRAWN
from radiolens.training.gate.samples import (
    DEFECT_NAMES,
    Picture,
    Sample,
    defect_sample,
    drawn_samples,
    genuine_pictures,
    genuine_sample,
    other_pictures,
    other_sample,
    plain_sample,
)

__all__ = ["OTHER_FOLDER", "SEED", "Planned", "training_samples", "turned_samples", "validation_samples"]

SEED = 0

OTHER_FOLDER = Path("out-of-distribution/train")
"""Where the pictures of no task lie below the folder of the collections."""

_LARGEST: Mapping[str, int] = MappingProxyType(
    {
        "guangzhou": 550,
        "tb-collection": 650,
        "nih": 400,
        "figshare": 1500,
        "web": 700,
        "sich": 1200,
        "stroke": 900,
    }
)
"""Training pictures of each source at most: enough of each, so that no hospital is what a film has to look like."""

_ROUNDS: Mapping[str, int] = MappingProxyType({"web": 3})
"""How often a source's pictures are drawn, once as they are and once with a defect; the others once."""

_OTHER_ROUNDS: Mapping[str, int] = MappingProxyType({"natural": 12, "chest-ct-figure": 30, "chest-lateral": 36})
"""The fewer files a folder has, the more often each is changed and seen."""

_DRAWN, _COMPOSED = 70, 100  # of each generator: those made of genuine pictures are harder
_STATIC, _STATIC_COUNT = "static", 120  # comes with the second part
_FIRST_DRAWN = tuple(name for name in DRAWN if name != _STATIC)

_VALIDATION = 200  # pictures of each source: the limits refuse a few in a thousand
_VALIDATION_DEFECTS = 50  # of those
_VALIDATION_DRAWN = 20


@dataclass(frozen=True)
class Planned:
    """Samples to come, and how many there will be."""

    count: int
    samples: Iterator[Sample]


def training_samples(data: Path, seed: int = SEED) -> Planned:
    """Return what the network is trained on, from the collections in `data`, whose pictures are read at once."""
    genuine = list(genuine_pictures(data, ["train"], _LARGEST, seed))
    others = list(other_pictures(data / OTHER_FOLDER))
    count = (
        2 * sum(_ROUNDS.get(picture.source, 1) for picture in genuine)
        + sum(_OTHER_ROUNDS[picture.source] for picture in others)
        + _DRAWN * len(_FIRST_DRAWN)
        + _COMPOSED * len(COMPOSED)
    )
    return Planned(count, _training(genuine, others, np.random.default_rng(seed)))


def turned_samples(data: Path, seed: int = SEED) -> Planned:
    """Return brain slices once more, upright and turned: whether a head is upright is the hardest thing to see.

    A film has shoulders and a heart to tell it by, a slice near the vertex little more than its outline. And static,
    which a network that has seen other junk alone takes for a head.
    """
    largest = {source: _LARGEST[source] for source in ("figshare", "web", "sich", "stroke")}
    genuine = list(genuine_pictures(data, ["train"], largest, seed + 1))  # drawn anew
    return Planned(2 * len(genuine) + _STATIC_COUNT, _turned(genuine, np.random.default_rng([seed, 2])))


def validation_samples(data: Path, seed: int = SEED) -> Planned:
    """Return what temperature and limits are chosen on: validation pictures as they are and with defects, and junk.

    The files of no task are those of training, since there are no others: they choose no temperature and no limit.
    """
    genuine = list(genuine_pictures(data, ["validation"], dict.fromkeys(_LARGEST, _VALIDATION), seed))
    others = list(other_pictures(data / OTHER_FOLDER))
    by_source = Counter(picture.source for picture in genuine)
    defects = len(DEFECT_NAMES) * sum(min(count, _VALIDATION_DEFECTS) for count in by_source.values())
    count = len(genuine) + defects + len(others) + _VALIDATION_DRAWN * (len(DRAWN) + len(COMPOSED))
    return Planned(count, _validation(genuine, others, np.random.default_rng([seed, 1])))


def _training(genuine: Sequence[Picture], others: Sequence[Picture], random: np.random.Generator) -> Iterator[Sample]:
    for picture in genuine:
        for _ in range(_ROUNDS.get(picture.source, 1)):
            yield genuine_sample(picture, random)
            yield defect_sample(picture, random)
    for picture in others:
        for _ in range(_OTHER_ROUNDS[picture.source]):
            yield other_sample(picture, random)
    yield from drawn_samples(genuine, _DRAWN, random, _FIRST_DRAWN)
    yield from drawn_samples(genuine, _COMPOSED, random, tuple(COMPOSED))


def _turned(genuine: Sequence[Picture], random: np.random.Generator) -> Iterator[Sample]:
    for picture in genuine:
        yield genuine_sample(picture, random)
        yield defect_sample(picture, random, "rotated")
    yield from drawn_samples(genuine, _STATIC_COUNT, random, (_STATIC,))


def _validation(genuine: Sequence[Picture], others: Sequence[Picture], random: np.random.Generator) -> Iterator[Sample]:
    seen: Counter[str] = Counter()
    for picture in genuine:
        yield plain_sample(picture, "genuine", dict.fromkeys(DEFECT_NAMES, False))
        seen[picture.source] += 1
        if seen[picture.source] <= _VALIDATION_DEFECTS:
            yield from (defect_sample(picture, random, name) for name in DEFECT_NAMES)
    yield from drawn_samples(genuine, _VALIDATION_DRAWN, random)
    for picture in others:
        yield plain_sample(picture, picture.source, {})
