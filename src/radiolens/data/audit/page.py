"""An audit as one page that needs nothing else: pictures lie in it, scripts there are none."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import PIL.Image

from radiolens.data.audit.report import AuditReport, DuplicatePair
from radiolens.data.audit.store import Store

__all__ = ["MOST_PAIRS", "Picture", "ShownPair", "render_page", "write_page"]

MOST_PAIRS = 60
"""Pairs with pictures, about 10 kB each; the rest stand in the JSON. They come with the most urgent first."""

_MOST_FILES = 200
_TEMPLATE = Path(__file__).with_name("audit.html")


@dataclass(frozen=True)
class Picture:
    """A small picture as a data URI, with the width and height in which its aspect ratio is right."""

    path: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class ShownPair:
    """Two copies side by side."""

    pair: DuplicatePair
    pictures: tuple[Picture, ...]


def write_page(report: AuditReport, hashes: Mapping[str, str], store: Store, file: Path) -> None:
    """Write the page of a report; `hashes` are the files' SHA-256 by path, under which `store` keeps their pictures."""
    shown = [
        ShownPair(pair, tuple(_picture(path, hashes[path], store) for path in (pair.first, pair.second)))
        for pair in report.pairs[:MOST_PAIRS]
    ]
    file.write_text(render_page(report, shown), encoding="utf-8")


def render_page(report: AuditReport, shown: Sequence[ShownPair]) -> str:
    """Return the page as HTML; whatever the manifest says is escaped."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = _shown
    splits = sorted({split for row in report.balance for split in row.counts})
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(report=report, shown=shown, splits=splits, most_files=_MOST_FILES)


def _picture(path: str, sha256: str, store: Store) -> Picture:
    stream = io.BytesIO()
    PIL.Image.fromarray(store.thumbnail(sha256)).save(stream, "JPEG", quality=80)
    rows, columns = store.size(sha256)
    longest = max(rows, columns)
    side = 150  # pixels of the longer side on the page
    return Picture(
        path,
        "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode(),
        max(1, round(side * columns / longest)),
        max(1, round(side * rows / longest)),
    )


def _shown(text: str) -> str:
    """Return a name as one can print it: what is invisible, or turns the writing round, becomes a mark."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
