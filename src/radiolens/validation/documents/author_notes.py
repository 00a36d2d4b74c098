"""The author's text for a bundle's documents: `notes.md` beside the evaluation.

What stands above the first heading of its kind goes to the model card. A heading `## CLAIM 13` begins the text of that
item of the checklist, `## Datasheet: Motivation` that of a section of the datasheet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from radiolens.errors import DatasetError

__all__ = ["BLANK", "NOTES", "author_notes", "card_notes"]

NOTES = "notes.md"

BLANK = "*To be filled by the author (in `evidence/notes.md`, then `radiolens bundle seal`).*"

_HEADING = re.compile(r"^##[ \t]+((?:claim[ \t]+\d+|datasheet:[ \t]*[^\n]+?))[ \t]*$", re.IGNORECASE | re.MULTILINE)


def card_notes(evidence: Path) -> str:
    """Return the author's text for the model card; empty where there is none. Raises DatasetError if it is no UTF-8."""
    return _parts(evidence)[0].strip()


def author_notes(evidence: Path) -> Mapping[str, str]:
    """Return the author's texts for checklist and datasheet by their headings in lower case, in one line each."""
    _, *parts = _parts(evidence)
    headings, texts = parts[::2], parts[1::2]
    return {
        " ".join(heading.lower().split()): " ".join(text.split()) for heading, text in zip(headings, texts, strict=True)
    }


def _parts(evidence: Path) -> list[str]:
    file = evidence / NOTES
    try:
        return _HEADING.split(file.read_text(encoding="utf-8") if file.is_file() else "")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{file}: found text that is not UTF-8 (byte {error.start}), expected UTF-8. Save it as such."
        ) from error
