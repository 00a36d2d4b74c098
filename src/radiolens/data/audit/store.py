"""What the audit read, kept on disk by the files' hashes, so that an audit that was cut goes on. SQLite."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiolens.data.audit.reading import THUMBNAIL_SIDE, Embedded, Embedding
from radiolens.errors import DatasetError

__all__ = ["Store", "open_store"]

_LAYOUT = 1
"""Part of the file's name: raised when what is kept, or how it is made, changes."""

_TABLE = """
create table if not exists reading (
    sha256 text primary key, pixels_sha256 text not null, height integer not null, width integer not null,
    thumbnail blob not null, borders blob not null, features blob not null, mirrored blob not null
)
"""


class Store:
    """The readings of any number of data sets by one network. Thread-safe."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def known(self) -> frozenset[str]:
        """Return the hashes of the files that were read."""
        return frozenset(row[0] for row in self._connection.execute("select sha256 from reading"))

    def add(self, embedded: Iterable[Embedded]) -> None:
        """Keep readings, all or none of them."""
        with self._lock, self._connection:
            self._connection.executemany(
                "insert or replace into reading values (?, ?, ?, ?, ?, ?, ?, ?)", map(_row, embedded)
            )

    def pixels_sha256(self, hashes: Sequence[str]) -> list[str]:
        """Return the hash of the decoded pixels for each file hash."""
        return [str(self._one("pixels_sha256", sha256)) for sha256 in hashes]

    def size(self, sha256: str) -> tuple[int, int]:
        """Return (rows, columns) of an image as decoded."""
        return int(self._one("height", sha256)), int(self._one("width", sha256))

    def thumbnail(self, sha256: str) -> NDArray[np.uint8]:
        """Return the small picture (128, 128)."""
        shape = THUMBNAIL_SIDE, THUMBNAIL_SIDE
        return np.frombuffer(self._one("thumbnail", sha256), np.uint8).reshape(shape)

    def borders(self, hashes: Sequence[str]) -> NDArray[np.float64]:
        """Return the features of the control (n, 12)."""
        return np.stack([np.frombuffer(self._one("borders", sha256), np.float64) for sha256 in hashes])

    def features(self, hashes: Sequence[str], *, mirrored: bool = False) -> NDArray[np.float32]:
        """Return the features (n, k), or those of the mirror images."""
        column = "mirrored" if mirrored else "features"
        rows = [np.frombuffer(self._one(column, sha256), np.float16) for sha256 in hashes]
        return np.stack(rows).astype(np.float32)

    def _one(self, column: str, sha256: str) -> Any:  # noqa: ANN401  as the column holds it
        # The column is one of this file's own names, never from outside.
        query = f"select {column} from reading where sha256 = ?"  # noqa: S608  see above
        with self._lock:
            return self._connection.execute(query, (sha256,)).fetchone()[0]


@contextmanager
def open_store(folder: Path, embedding: Embedding) -> Iterator[Store]:
    """Open the store of one network in a folder, making it if needed; DatasetError if the file is damaged."""
    folder.mkdir(parents=True, exist_ok=True)
    made_by = hashlib.sha256(f"{_LAYOUT} {embedding.identity} {embedding.preprocessing}".encode()).hexdigest()
    file = folder / f"audit-{made_by[:16]}.sqlite"
    connection = sqlite3.connect(file, check_same_thread=False)  # the lock sees to it
    try:
        connection.execute(_TABLE)
        yield Store(connection)
    except sqlite3.DatabaseError as error:
        raise DatasetError(
            f"{file}: the cache cannot be used ({error}). Delete it; the audit makes it anew."
        ) from error
    finally:
        connection.close()


def _row(embedded: Embedded) -> tuple[str, str, int, int, bytes, bytes, bytes, bytes]:
    reading = embedded.reading
    return (
        reading.sha256,
        reading.pixels_sha256,
        *reading.size,
        reading.thumbnail.tobytes(),
        reading.borders.tobytes(),
        embedded.features.astype(np.float16).tobytes(),  # neighbours are ranked, not measured: half the disk
        embedded.mirrored.astype(np.float16).tobytes(),
    )
