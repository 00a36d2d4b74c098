"""A page of its own with the pictures of the largest errors; it stays where the images may be."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from radiolens.bundle import InstalledBundle
from radiolens.errors import DatasetError
from radiolens.validation.documents.card import STATEMENT
from radiolens.validation.documents.report import environment
from radiolens.validation.questions import Scored

__all__ = ["refuse_unsafe_place", "write_pictures"]

_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class _Shown:
    error: Any
    uri: str


def refuse_unsafe_place(output: Path) -> None:
    """Raise DatasetError for a folder from which pictures would be passed on: a bundle's, or the package's own."""
    place = output.resolve()
    bundle = next((folder for folder in (place, *place.parents) if (folder / "bundle.json").is_file()), None)
    if bundle is None and _PACKAGE not in (place, *place.parents):
        return
    inside = f"the bundle {bundle}" if bundle else f"the package {_PACKAGE}"
    raise DatasetError(
        f"{output} lies in {inside}, which is passed on, and pictures of a data set must not be. "
        "Give another --output, or leave out --pictures."
    )


def write_pictures(installed: InstalledBundle, errors: Sequence[Any], scored: Scored, output: Path) -> Path:
    """Write pictures.html with the grey levels that the network saw of each error, and return its path.

    `errors` are those of evaluation.json. Raises DatasetError for a folder that is passed on.
    """
    refuse_unsafe_place(output)
    template = environment().get_template("pictures.html")
    file = output / "pictures.html"
    text = template.render(bundle=installed.bundle, statement=STATEMENT, shown=list(_shown(errors, scored)))
    file.write_text(text, encoding="utf-8")
    return file


def _shown(errors: Sequence[Any], scored: Scored) -> Iterator[_Shown]:
    rows = {case.path: row for row, case in enumerate(scored.cases)}
    for error in errors:
        yield _Shown(error, _uri(scored.grey[rows[error["path"]]]))


def _uri(grey: NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    PIL.Image.fromarray(grey).save(stream, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
