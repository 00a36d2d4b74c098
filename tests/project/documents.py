"""The project's documents, and the commands and links in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.project.source_tree import ROOT

DOCUMENTS = tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]))

_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(name: str) -> str:
    """Return the text of a document, named by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def commands(file: Path) -> Iterator[str]:
    """Yield every line of a code block and every piece of inline code, comments cut off."""
    text = file.read_text(encoding="utf-8")
    for block in _FENCED.findall(text):
        yield from (line.split("  #")[0].strip() for line in block.splitlines())
    yield from _INLINE.findall(_FENCED.sub("", text))


def links(file: Path) -> Iterator[str]:
    """Yield the targets of all links and pictures outside code."""
    yield from _LINK.findall(_FENCED.sub("", file.read_text(encoding="utf-8")))


def table_column(text: str, heading: str, column: int = 0) -> list[str]:
    """Return the code words in one column of the first table below a heading."""
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [word for row in rows for word in _INLINE.findall(row[column])]
