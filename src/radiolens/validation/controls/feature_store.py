"""Features of images, kept on disk by the images' hashes, so that a reading that was cut goes on. SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.errors import DatasetError

__all__ = ["FeatureStore", "ImageFeatures", "open_feature_store"]

_LAYOUT = 1
"""Part of the file's name: raised when what is kept, or how it is made, changes."""

_TABLE = """
create table if not exists features (
    sha256 text primary key, borders blob not null, imagenet blob not null, bundle blob
)
"""


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """Of one image: borders and brightness (12,), pooled ImageNet features (1280,), those of the bundle or None."""

    borders: NDArray[np.float64]
    imagenet: NDArray[np.float32]
    bundle: NDArray[np.float32] | None


class FeatureStore:
    """The features of any number of images, by the SHA-256 of their files, for one bundle."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def known(self) -> frozenset[str]:
        """Return the hashes of the images that were read."""
        return frozenset(row[0] for row in self._connection.execute("select sha256 from features"))

    def add(self, sha256: str, features: ImageFeatures) -> None:
        """Keep the features of one image; once this returns, a killed process does not lose them."""
        own = None if features.bundle is None else features.bundle.astype(np.float16).tobytes()
        # Half floats: 5 in 10,000 of a feature off, far below what images of one patient differ by.
        row = (sha256, features.borders.tobytes(), features.imagenet.astype(np.float16).tobytes(), own)
        with self._connection:
            self._connection.execute("insert or replace into features values (?, ?, ?, ?)", row)

    def features(self, hashes: Sequence[str]) -> list[ImageFeatures]:
        """Return the features of images that are known, in the order asked."""
        return [self._one(sha256) for sha256 in hashes]

    def _one(self, sha256: str) -> ImageFeatures:
        query = "select borders, imagenet, bundle from features where sha256 = ?"
        borders, imagenet, own = self._connection.execute(query, (sha256,)).fetchone()
        return ImageFeatures(
            np.frombuffer(borders, np.float64), _single(imagenet), None if own is None else _single(own)
        )


@contextmanager
def open_feature_store(folder: Path, bundle_sha256: str) -> Iterator[FeatureStore]:
    """Open the features read with one bundle, making the file if needed; DatasetError if it is damaged."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"features-{_LAYOUT}-{bundle_sha256[:16]}.sqlite"
    connection = sqlite3.connect(file)
    try:
        connection.execute("pragma journal_mode = wal")  # a commit is then an append: no wait for the disk per image
        connection.execute("pragma synchronous = normal")
        connection.execute(_TABLE)
        yield FeatureStore(connection)
    except sqlite3.DatabaseError as error:
        raise DatasetError(
            f"{file}: the kept features cannot be used ({error}). Delete the file, and start again."
        ) from error
    finally:
        connection.close()


def _single(content: bytes) -> NDArray[np.float32]:
    return np.frombuffer(content, np.float16).astype(np.float32)
