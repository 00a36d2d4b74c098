"""What commands on a manifest ask for alike: a file or the folder of a known collection, and where runs lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from radiolens.data.manifest import Manifest

__all__ = ["data_option", "open_collection", "runs_option"]

data_option = click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A manifest (CSV or Parquet), or the folder of a known collection.",
)

runs_option = click.option(
    "--runs", default=Path("runs"), type=click.Path(file_okay=False, path_type=Path), show_default=True
)


def open_collection(path: Path, task: str) -> Manifest:
    """Return the cases of a manifest file (CSV or Parquet), or of the folder of a known collection, for a task.

    Raises UsageError for a folder if no collection of the task is known, InvalidManifest if it is not as it should be,
    UnknownTask.
    """
    from radiolens.data.manifest import read_manifest
    from radiolens.data.sources import LAYOUTS
    from radiolens.tasks import get_task

    known = get_task(task)
    if path.is_file():
        return read_manifest(path, known)
    if task not in LAYOUTS:
        raise click.UsageError(f"{path} is a folder, but no collection of {task} is known. Give a manifest file.")
    return LAYOUTS[task](path)
