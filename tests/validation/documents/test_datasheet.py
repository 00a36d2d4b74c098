"""The datasheet, filled from the facts of the manifest."""

from __future__ import annotations

from pathlib import Path

from radiolens.bundle import InstalledBundle
from radiolens.validation.documents.author_notes import BLANK
from radiolens.validation.documents.datasheet import datasheet

SECTIONS = (
    "Motivation",
    "Composition",
    "Labels",
    "People",
    "Collection",
    "Preparation",
    "Splits",
    "Uses",
    "Distribution and maintenance",
)


def test_a_datasheet_has_every_section_and_the_facts_of_the_manifest(sample: InstalledBundle) -> None:
    text = datasheet(sample, sample.folder / "evidence")
    assert tuple(line[3:] for line in text.splitlines() if line.startswith("## ")) == SECTIONS
    for fact in (
        "160 images are listed, 160 of them were scored.",
        "| children | test | 80 | 40 | not given | 0 | 80 |",
        "| children | test | pneumonia | 40 | 40 | 0 |",
        "| children | test | tuberculosis | 0 | 0 | 80 |",
        "brought to 32 x 32 pixels (stretch)",
        "0 of 160 images have a SHA-256 in the manifest.",
        "The weights are random: the answers mean nothing.",
    ):
        assert fact in text


def test_what_a_manifest_cannot_tell_is_a_blank(sample: InstalledBundle) -> None:
    text = datasheet(sample, sample.folder / "evidence")
    for asked in ("Consent, ethical review", "Who annotated, and how well they agreed", "who paid"):
        assert f"{asked}: {BLANK}" in text


def test_there_is_none_without_the_facts_of_a_manifest(sample: InstalledBundle, tmp_path: Path) -> None:
    assert datasheet(sample, tmp_path) == ""
