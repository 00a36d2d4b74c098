"""The documents of a bundle's evidence, each written from its figures alone, and the check that they still say so.

Writing them needs neither the network nor the images: `seal` and `verify_documents` run on the base installation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType

from radiolens.bundle import DOCUMENTS, InstalledBundle, read_bundle, verify_evidence, write_evidence_hashes
from radiolens.errors import CorruptBundle
from radiolens.validation.documents.card import model_card
from radiolens.validation.documents.claim import claim
from radiolens.validation.documents.datasheet import datasheet
from radiolens.validation.documents.report import report

__all__ = ["seal", "verify_documents", "write_documents"]

_WRITERS: Mapping[str, Callable[[InstalledBundle, Path], str]] = MappingProxyType(
    {"model_card.md": model_card, "datasheet.md": datasheet, "claim.md": claim, "report.html": report}
)
"""By file. A writer that returns nothing has nothing to tell: the evaluation is missing, or of an older version."""

_SHOWN = 120
"""Characters of a line in an error message: the report holds pictures as text."""


def write_documents(installed: InstalledBundle, evidence: Path) -> tuple[Path, ...]:
    """Write every document that the figures in `evidence` allow, and return their paths.

    Raises BundleError if an evaluation cannot be read.
    """
    evidence.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in _texts(installed, evidence).items():
        file = evidence / name
        if not text:
            file.unlink(missing_ok=True)
            continue
        unfinished = evidence / (name + ".partial")
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        os.replace(unfinished, file)
        written.append(file)
    return tuple(written)


def verify_documents(installed: InstalledBundle, evidence: Path | None = None) -> bool:
    """Check the hashes of the evidence, and that each document says what its figures say.

    So a figure edited by hand is found, also by who made the list of hashes anew. Returns False where the documents
    are of another version of radiolens: then only their hashes could be checked. Raises CorruptBundle, BundleError.
    """
    place = installed.folder / "evidence" if evidence is None else evidence
    if verify_evidence(installed.folder, place) != DOCUMENTS:
        return False
    for name, text in _texts(installed, place).items():
        file = place / name
        found = file.read_text(encoding="utf-8") if file.is_file() else ""
        if found != text:
            raise _difference(file, text, found)
    return True


def seal(folder: Path) -> Path:
    """Write the documents of a bundle anew, then the hashes of its evidence, and return the path of the model card.

    The bundle's identity does not change. Raises BundleError if the bundle or an evaluation in it cannot be read.
    """
    installed = read_bundle(folder)
    card = write_documents(installed, folder / "evidence")[0]
    write_evidence_hashes(folder)
    return card


def _texts(installed: InstalledBundle, evidence: Path) -> Mapping[str, str]:
    return {name: write(installed, evidence) for name, write in _WRITERS.items()}


def _difference(file: Path, expected: str, found: str) -> CorruptBundle:
    pairs = zip_longest(expected.splitlines(), found.splitlines(), fillvalue="no line")
    different = ((number, pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    number, (wanted, read) = next(different, (0, ("the same lines", "other line ends")))
    equal = next((place for place, pair in enumerate(zip(wanted, read, strict=False)) if pair[0] != pair[1]), 0)
    start = max(0, equal - _SHOWN // 2)
    cut = slice(start, start + _SHOWN)
    return CorruptBundle(f"{file}, line {number}, is not what its evaluation says", wanted[cut], read[cut])
