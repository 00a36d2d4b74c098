"""A bundle's folder appears once all of it is written, and is never written over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from radiolens.errors import BundleError

__all__ = ["appearing", "check_new"]


def check_new(folder: Path) -> None:
    """Raise BundleError if there is something at `folder`."""
    if folder.exists():
        raise BundleError(f"{folder} exists. A bundle is never changed: give another version, or remove it.")


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`, which takes its place once the block has ended without an error.

    What an interrupted block has left is removed when it is tried again. Raises BundleError as `check_new`.
    """
    check_new(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    os.replace(partial, folder)
