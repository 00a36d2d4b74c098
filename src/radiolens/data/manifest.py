"""The manifest: one row per image, with labels that may be partial. CSV, or Parquet with the extra [train]."""

from __future__ import annotations

import csv
import math
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from radiolens.data.case import COLUMNS, SPLITS, Case, Manifest
from radiolens.data.rows import case_of, check_header, check_unique, columns, row_of
from radiolens.errors import DatasetError, InvalidManifest
from radiolens.task import Task

try:  # pyarrow comes with the extra [train]; CSV works without it
    import pyarrow
    import pyarrow.parquet
except ModuleNotFoundError:
    pyarrow = None

__all__ = [
    "COLUMNS",
    "SPLITS",
    "Case",
    "Manifest",
    "check_writable",
    "read_manifest",
    "read_rows",
    "relocated",
    "write_manifest",
]

_ENDINGS = (".csv", ".parquet")
_Rows = tuple[Sequence[str], Iterable[Mapping[str, str]]]


def read_manifest(file: str | os.PathLike[str], task: Task) -> Manifest:
    """Read and check a manifest; raise InvalidManifest with row and column where it first breaks the format."""
    file = Path(file)
    if not file.is_file():
        raise InvalidManifest("there is no such file. Make one with `radiolens data import`.", file)
    header, rows = read_rows(file)
    check_header(file, task, header)
    cases = tuple(case_of(file, task, number, row) for number, row in enumerate(rows, 1))
    check_unique(file, cases)
    return Manifest(file, task, cases)


def read_rows(file: Path) -> tuple[Sequence[str], Iterable[Mapping[str, str]]]:
    """Return header and rows of any table, CSV or Parquet by its ending, every value as the text a CSV would have.

    Raises InvalidManifest if it cannot be read.
    """
    return _read_parquet(file) if _ending(file) == ".parquet" else _read_csv(file)


def check_writable(file: Path) -> None:
    """Raise DatasetError if no manifest can be written under this name: another ending, or Parquet without pyarrow."""
    if _ending(file) == ".parquet":
        _require_pyarrow(file)


def write_manifest(manifest: Manifest, file: Path) -> None:
    """Write a manifest as CSV, or as Parquet if the name ends so, in one step: it is there whole or not at all.

    Raises InvalidManifest for a case that `read_manifest` would refuse.
    """
    write = _write_parquet if _ending(file) == ".parquet" else _write_csv
    rows = [row_of(case, manifest.task) for case in manifest.cases]
    check_header(file, manifest.task, list(dict.fromkeys([*columns(manifest.task), *chain.from_iterable(rows)])))
    check_unique(file, [case_of(file, manifest.task, number, row) for number, row in enumerate(rows, 1)])
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        write(unfinished, columns(manifest.task), rows)
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def relocated(manifest: Manifest, file: Path) -> Manifest:
    """Return the manifest as it must be written to `file`, its paths relative to that folder.

    Raises DatasetError if an image would not lie below that folder.
    """
    # Not resolved: a link to a disk of images, below the manifest, is as good as a folder.
    old, new = (Path(os.path.abspath(place.parent)) for place in (manifest.file, file))
    if not old.is_relative_to(new):
        raise DatasetError(
            f"{file}: the images lie in {old}, and a manifest holds paths below its own folder. "
            f"Write it to {old / file.name}, or to a folder above."
        )
    prefix = PurePosixPath(old.relative_to(new).as_posix())
    cases = tuple(
        replace(case, path=str(prefix / case.path), mask=str(prefix / case.mask) if case.mask else "")
        for case in manifest.cases
    )
    return Manifest(file, manifest.task, cases)


def _ending(file: Path) -> str:
    ending = file.suffix.lower()
    if ending not in _ENDINGS:
        raise InvalidManifest(f"the name ends in {ending!r}, expected {' or '.join(_ENDINGS)}.", file)
    return ending


def _read_csv(file: Path) -> _Rows:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            header, rows = reader.fieldnames or (), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidManifest(f"not a CSV file in UTF-8 ({error}). Export it again as CSV UTF-8.", file) from error
    except OSError as error:
        raise InvalidManifest(f"it cannot be read ({error.strerror}).", file) from error
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise InvalidManifest("the row has another number of values than the header has columns.", file, number)
    return header, rows


def _write_csv(file: Path, header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _read_parquet(file: Path) -> _Rows:
    _require_pyarrow(file)
    try:
        with pyarrow.parquet.ParquetFile(file) as stream:  # read_table would take a folder `split=train` for a column
            table = stream.read()
    except (OSError, pyarrow.ArrowException) as error:
        raise InvalidManifest(f"not a Parquet file ({str(error).splitlines()[0]}). Write it again.", file) from error
    names = table.column_names
    values = [
        [_cell(file, number, name, value) for number, value in enumerate(column.to_pylist(), 1)]
        for name, column in zip(names, table.columns, strict=True)
    ]
    return names, [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _cell(file: Path, number: int, column: str, value: Any) -> str:  # noqa: ANN401  whatever Parquet can hold
    """Return a typed value as the text that a CSV would have."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidManifest(
        f"found a value of type {type(value).__name__}, expected text or a number.", file, number, column
    )


def _write_parquet(file: Path, header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    _require_pyarrow(file)
    texts = pyarrow.string()  # also where there is no row to tell the type
    table = pyarrow.table({column: pyarrow.array([row[column] for row in rows], texts) for column in header})
    pyarrow.parquet.write_table(table, file)


def _require_pyarrow(file: Path) -> None:
    if pyarrow is None:
        raise DatasetError(f"{file}: Parquet needs pyarrow. Run `pip install 'radiolens[train]'`, or use CSV.")
