"""Finds images that are copies of one another: same file, same pixels, or the same picture changed a little.

Neighbours of features (of the picture and of its mirror image) and of a tiny picture (in four flips) are candidates;
`alignment.similarity` decides. A hash is not enough: copies in public sets are mirrored, brightened, recompressed
and cropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from radiolens.data.audit.alignment import Flip, flipped, similarity

__all__ = ["SAME_PICTURE", "Copies", "Match", "Thumbnail", "exact_matches", "merged", "near_matches"]

SAME_PICTURE = 0.92
"""Similarity from which two images count as copies, chosen and measured by benchmarks/audit_duplicates.py: copies of
brain-mri slices have 0.94 and more, neighbouring slices of one patient nearly always less than this."""

_NEIGHBOURS = 12
"""Looked at for each image, way of comparing and flip; more copies of one image are found through one another."""

_PATIENCE = 2
"""Neighbours in a row that are no copies, after which farther ones are not looked at: copies are the nearest."""

_TINY = 16  # pixels: a crop of 5 % moves the border by less than one of them
_LEAST_TINY = 0.75  # correlation of the tiny pictures: copies cropped to 95 % have 0.9 and more
_WORKERS = 2  # threads; OpenCV lets others run


class Copies(StrEnum):
    """In which way two images are the same."""

    FILE = "same file"
    PIXELS = "same pixels"
    PICTURE = "same picture"


Thumbnail = Callable[[int], NDArray[np.uint8]]
"""Gives the small picture (128, 128) of the image at a place."""


@dataclass(frozen=True)
class Match:
    """Two images, by their places in the sequence compared, `first` < `second`, that are copies.

    `similarity` is 1 for equal files and pixels.
    """

    first: int
    second: int
    copies: Copies
    flip: Flip = Flip.NONE
    similarity: float = 1.0


def exact_matches(hashes: Sequence[str], copies: Copies) -> tuple[Match, ...]:
    """Return a match of each image with the first one of the same hash, so that n copies give n - 1 matches."""
    first: dict[str, int] = {}
    return tuple(
        Match(first[value], index, copies)
        for index, value in enumerate(hashes)
        if first.setdefault(value, index) != index
    )


def near_matches(
    features: NDArray[np.float32],
    mirrored: NDArray[np.float32],
    thumbnail: Thumbnail,
    threshold: float = SAME_PICTURE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Match, ...]:
    """Return the pairs of images that are the same picture, most similar first.

    `features` and `mirrored` (n, k) are those of the images and of their left-right mirror images; `thumbnail` is
    asked often, from several threads. Exact copies should be left out before.
    """
    count = len(features)
    if count < 2:
        return ()
    judge = _Judge(thumbnail, threshold)
    walks = _walks(features, mirrored, _tiny(thumbnail, count))
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            for done, _ in enumerate(pool.map(judge.walk, range(count), *walks), 1):
                progress(done, count)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    best: dict[tuple[int, int], Match] = {}
    for (first, second, flip), value in judge.judged.items():
        known = best.get((first, second))
        if value >= threshold and (known is None or value > known.similarity):
            best[first, second] = Match(first, second, Copies.PICTURE, flip, value)
    return tuple(sorted(best.values(), key=lambda match: (-match.similarity, match.first, match.second)))


def merged(links: Sequence[Sequence[int]], count: int) -> tuple[tuple[int, ...], ...]:
    """Return the groups of two and more of `count` images that links join, however indirectly, by their first."""
    ends = np.asarray([(members[0], member) for members in links for member in members[1:]], np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    groups: dict[int, list[int]] = defaultdict(list)
    for index, component in enumerate(connected_components(graph, directed=False)[1].tolist()):
        groups[component].append(index)
    return tuple(tuple(members) for members in groups.values() if len(members) > 1)


_Walk = tuple[Flip, NDArray[np.intp]]
"""A flip, and the places of one image's neighbours under it, nearest first."""


class _Judge:
    """Compares pairs, each once; one that two threads meet at the same moment is compared twice."""

    def __init__(self, thumbnail: Thumbnail, threshold: float) -> None:
        self._thumbnail = thumbnail
        self._threshold = threshold
        self.judged: dict[tuple[int, int, Flip], float] = {}

    def walk(self, index: int, *walks: _Walk) -> None:
        """Compare an image with its neighbours until some in a row are no copies."""
        for flip, neighbours in walks:
            missed = 0
            for other in neighbours.tolist():
                if other == index:
                    continue
                missed = 0 if self._similarity(index, other, flip) >= self._threshold else missed + 1
                if missed == _PATIENCE:
                    break

    def _similarity(self, index: int, other: int, flip: Flip) -> float:
        first, second = sorted((index, other))
        key = first, second, flip
        if key not in self.judged:
            self.judged[key] = similarity(self._thumbnail(first), flipped(self._thumbnail(second), flip))
        return self.judged[key]


def _walks(
    features: NDArray[np.float32], mirrored: NDArray[np.float32], tiny: NDArray[np.float32]
) -> list[Iterator[_Walk]]:
    """Return for each way of comparing an iterator over the images' walks."""
    own = _unit_length(features)
    ways = [(Flip.NONE, _nearest(own, own, 0.0)), (Flip.LEFT_RIGHT, _nearest(own, _unit_length(mirrored), 0.0))]
    flat = _unit_length(_centred(tiny))
    ways += [(flip, _nearest(flat, _unit_length(_centred(_flip_tiny(tiny, flip))), _LEAST_TINY)) for flip in Flip]
    return [zip(repeat(flip), rows, strict=False) for flip, rows in ways]


def _nearest(rows: NDArray[np.float32], queries: NDArray[np.float32], least: float) -> list[NDArray[np.intp]]:
    """Return for each query the places of its nearest rows, nearest first, with a product of at least `least`."""
    search = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(rows)), algorithm="brute").fit(rows)
    distances, places = search.kneighbors(queries)
    farthest = np.sqrt(2 - 2 * least)  # of rows of unit length
    return [found[near <= farthest] for found, near in zip(places, distances, strict=True)]


def _tiny(thumbnail: Thumbnail, count: int) -> NDArray[np.float32]:
    size = _TINY, _TINY
    small = [cv2.resize(thumbnail(place), size, interpolation=cv2.INTER_AREA) for place in range(count)]
    return np.asarray(small, np.float32)


def _flip_tiny(tiny: NDArray[np.float32], flip: Flip) -> NDArray[np.float32]:
    return flipped(tiny.astype(np.uint8), flip).astype(np.float32)


def _centred(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = pictures.reshape(len(pictures), -1)
    return np.asarray(flat - flat.mean(axis=1, keepdims=True), np.float32)


def _unit_length(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
