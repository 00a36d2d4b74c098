"""Writes kept images into a folder, in clear: an npz file for each, and a table that joins them to their cases."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from radiolens.errors import StoreUnavailable, WrongState
from radiolens.worklist.keeping import KeptImage
from radiolens.worklist.working_store import WorkingStore

__all__ = ["TABLE", "export_kept"]

TABLE = "images.csv"
"""Its columns are `file`, `case_id`, `image` (from 1 on, as the page of the case counts), `kept` and `erase_after`."""

_COLUMNS = ("file", "case_id", "image", "kept", "erase_after")


def export_kept(store: WorkingStore, images: Sequence[KeptImage], folder: Path) -> tuple[KeptImage, ...]:
    """Write images into a new folder that only its owner reads, and return those that could not be opened.

    A file holds what `kept_to_bytes` makes, under the random number of the kept image. Raises StoreUnavailable if the
    folder is there already or cannot be written.
    """
    lines, lost = io.StringIO(), []
    table = csv.writer(lines)
    table.writerow(_COLUMNS)
    try:
        folder.mkdir(mode=0o700, parents=True)
        for image in images:
            try:
                (content,) = store.get(image.store_name)
            except (StoreUnavailable, WrongState):
                lost.append(image)
                continue
            name = f"{image.kept_id}.npz"
            _write(folder / name, content)
            moments = (moment.isoformat(timespec="seconds") for moment in (image.created, image.erase_after))
            table.writerow([name, image.case_id, image.position + 1, *moments])
        _write(folder / TABLE, lines.getvalue().encode())
    except OSError as error:
        raise StoreUnavailable(f"{folder} cannot be written: {error.strerror}. Name a new folder.") from error
    return tuple(lost)


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
