"""What `radiolens predict` writes beside its answers: a table, and pictures of where the network looked."""

from __future__ import annotations

import csv
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # importing it loads the runtime
    from radiolens.inference.bulk import Outcome

__all__ = ["COLUMNS", "table", "write_heatmaps"]

COLUMNS = (
    "path",
    "status",
    "task",
    "label",
    "probability",
    "threshold",
    "presence",
    "problems",
    "bundle",
    "version",
    "sha256",
    "seconds",
    "calibrated",
)
"""Of a table: a row for each label of an answered input, and one with empty label for any other."""

_NUMBERS = ("probability", "threshold", "seconds")
_LONGEST_STEM = 80  # file systems take 255 bytes, and number, slice and label come to it

_Write = Callable[[Mapping[str, Any]], None]


@contextmanager
def table(file: Path | None) -> Iterator[_Write]:
    """Give a function that adds the contract's object of an input to the table `file` (.csv or .parquet).

    Without a file it does nothing. Raises UsageError for another ending, or a file that cannot be written.
    """
    if file is None:
        yield lambda row: None
        return
    writers = {".csv": _csv_table, ".parquet": _parquet_table}
    if file.suffix not in writers:
        raise click.UsageError(f"--output {file.name}: the table is written as {' or '.join(writers)}.")
    with writers[file.suffix](file) as write:
        yield write


def write_heatmaps(folder: Path, number: int, outcome: Outcome) -> None:
    """Write one picture for each label: the slice that was looked at, with the label's map laid over it.

    They are named <number>-<input>[-slice<index>][-occlusion]-<label>.png, the input's name reduced to letters, digits,
    dots and dashes, so that no name leads out of the folder. An occlusion map, which means something else than an
    activation map, says so in its name.
    """
    from radiolens.bundle import OCCLUSION_MAP
    from radiolens.explain.overlay import blended, display_slice, overlay, png
    from radiolens.prediction import Prediction

    if outcome.image is None or not isinstance(outcome.result, Prediction) or outcome.result.explanation is None:
        return
    explanation = outcome.result.explanation
    grey = display_slice(outcome.image, explanation.slice_index)
    stem = re.sub(r"[^A-Za-z0-9.-]+", "_", outcome.name)[-_LONGEST_STEM:]
    place = f"-slice{explanation.slice_index}" if outcome.image.is_volume else ""
    kind = "-occlusion" if explanation.method == OCCLUSION_MAP else ""
    for label in explanation.maps:
        picture = blended(grey, overlay(explanation, label, (grey.shape[0], grey.shape[1])))
        (folder / f"{number:05d}-{stem}{place}{kind}-{label}.png").write_bytes(png(picture))


@contextmanager
def _csv_table(file: Path) -> Iterator[_Write]:
    with _opened(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        yield lambda row: writer.writerows(_rows(row))


@contextmanager
def _parquet_table(file: Path) -> Iterator[_Write]:
    if importlib.util.find_spec("pyarrow") is None:
        raise click.UsageError(
            f"--output {file.name}: Parquet needs pyarrow. Install it (python -m pip install pyarrow), or write a .csv."
        )
    import pyarrow
    import pyarrow.parquet

    rows: list[dict[str, Any]] = []
    with _opened(file, "wb") as stream:
        try:
            yield lambda row: rows.extend(_rows(row))
        finally:  # an interruption leaves the answers so far, as in a .csv
            kinds = {name: pyarrow.float64() if name in _NUMBERS else pyarrow.string() for name in COLUMNS}
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, pyarrow.schema(kinds)), stream)


def _opened(file: Path, mode: str, **options: Any) -> IO[Any]:  # noqa: ANN401  as open takes them
    try:
        return file.open(mode, **options)
    except OSError as error:
        raise click.UsageError(f"--output {file}: cannot be written ({error.strerror}).") from error


def _rows(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    bundle = row["bundle"] or {"name": None, "version": None, "sha256": None}
    shared = {
        "path": row["path"],
        "status": row["status"],
        "task": row["task"],
        "problems": " ".join(problem["code"] for problem in row["problems"]),
        "bundle": bundle["name"],
        "version": bundle["version"],
        "sha256": bundle["sha256"],
        "seconds": row["seconds"],
        "calibrated": str(bundle.get("calibrated", True)).lower() if row["bundle"] else None,
    }
    nothing = {"label": None, "probability": None, "threshold": None, "presence": None}
    for finding in row["findings"] or [nothing]:
        yield shared | finding
