"""The CLAIM checklist, filled from the run."""

from __future__ import annotations

import re
from pathlib import Path

from radiolens.bundle import InstalledBundle
from radiolens.validation.documents.author_notes import BLANK
from radiolens.validation.documents.claim import ITEMS, claim

ITEM = re.compile(r"^(\d+)\. \*\*(.+?)\.\*\* (.+)$", re.MULTILINE)


def test_the_checklist_has_its_44_items_once_and_in_order(sample: InstalledBundle) -> None:
    assert [item.number for item in ITEMS] == list(range(1, 45))
    found = ITEM.findall(claim(sample, sample.folder / "evidence"))
    assert [(int(number), about) for number, about, _ in found] == [(item.number, item.about) for item in ITEMS]


def test_what_the_run_tells_is_filled_and_the_rest_is_for_the_author(sample: InstalledBundle) -> None:
    answers = {int(number): text for number, _, text in ITEM.findall(claim(sample, sample.folder / "evidence"))}
    assert answers[9].startswith("32 x 32 pixels (stretch)")
    assert "tuberculosis of children (test): 80" in answers[12]
    assert "20 resamples, seed 1" in answers[29]
    assert answers[30].startswith(
        "pneumonia (40 + 40 images): AUROC 0.900 (0.888 to 0.923) unchanged; with noise 0.1 0.800"
    )
    assert answers[31] == "The maps point into the lesion more often than the image centre."
    assert "pneumonia, children (40 + 40): AUROC 0." in answers[32]
    assert answers[33] == "None in this evaluation."
    assert "`radiolens evaluate chest-xray films.csv --output <out>`" in answers[42]
    for number in (2, 4, 8, 10, 11, 13, 15, 16, 17, 18, 21, 24, 25, 41, 44):
        assert answers[number] == BLANK


def test_notes_fill_blanks_and_add_to_answers(sample: InstalledBundle, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "evaluation.json").write_bytes((sample.folder / "evidence" / "evaluation.json").read_bytes())
    (evidence / "notes.md").write_text("## CLAIM 7\nSee table 1.\n## claim 9\nNothing else.\n## Claim 41\nNone yet.\n")
    answers = {int(number): text for number, _, text in ITEM.findall(claim(sample, evidence))}
    assert answers[7].endswith("Links and citations: See table 1.")
    assert answers[9].endswith("serving. Nothing else.")
    assert answers[41] == "None yet."


def test_there_is_none_without_the_facts_of_a_manifest(sample: InstalledBundle, tmp_path: Path) -> None:
    assert claim(sample, tmp_path) == ""
