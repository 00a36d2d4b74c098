"""Documents say what their figures say, and a figure edited by hand is found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from radiolens.bundle import DOCUMENTS, InstalledBundle, read_bundle, write_evidence_hashes
from radiolens.errors import BundleError, CorruptBundle
from radiolens.validation.documents.seal import seal, verify_documents, write_documents

NAMES = ("model_card.md", "datasheet.md", "claim.md", "report.html")


@pytest.fixture
def installed(sample: InstalledBundle, tmp_path: Path) -> InstalledBundle:
    """Return a copy that a test may spoil."""
    return read_bundle(shutil.copytree(sample.folder, tmp_path / "chest-xray" / sample.folder.name))


def edit(file: Path, change: Callable[[str], str]) -> None:
    text = file.read_text(encoding="utf-8")
    assert change(text) != text
    file.write_text(change(text), encoding="utf-8")


def test_what_was_written_is_whole(installed: InstalledBundle) -> None:
    assert {file.name for file in (installed.folder / "evidence").iterdir()} == {
        *NAMES,
        "evaluation.json",
        "hashes.json",
        "plots",
    }
    assert verify_documents(installed)


def test_writing_again_gives_the_same_files(installed: InstalledBundle) -> None:
    evidence = installed.folder / "evidence"
    before = {name: (evidence / name).read_bytes() for name in NAMES}
    write_documents(installed, evidence)
    assert {name: (evidence / name).read_bytes() for name in NAMES} == before


@pytest.mark.parametrize(
    ("name", "figure"),
    [("model_card.md", "0.504"), ("datasheet.md", "160"), ("claim.md", "0.504"), ("report.html", "0.931")],
)
def test_a_figure_edited_by_hand_is_found_by_its_hash_and_if_that_was_renewed_by_its_line(
    name: str, figure: str, installed: InstalledBundle
) -> None:
    file = installed.folder / "evidence" / name
    edit(file, lambda text: text.replace(figure, "9.876", 1))
    with pytest.raises(CorruptBundle, match=rf"{name} has another SHA-256"):
        verify_documents(installed)
    write_evidence_hashes(installed.folder)
    line = next(number for number, line in enumerate(file.read_text().splitlines(), 1) if "9.876" in line)
    with pytest.raises(CorruptBundle, match=rf"{name}, line {line}, is not what its evaluation says") as found:
        verify_documents(installed)
    assert figure in str(found.value.expected)
    assert "9.876" in str(found.value.found)


def test_an_edited_evaluation_is_found_even_with_new_hashes(installed: InstalledBundle) -> None:
    file = installed.folder / "evidence" / "evaluation.json"
    study = json.loads(file.read_text())
    study["binary"][0]["auroc"]["estimate"] += 0.05
    file.write_text(json.dumps(study))
    write_evidence_hashes(installed.folder)
    with pytest.raises(CorruptBundle, match=r"model_card\.md, line \d+"):
        verify_documents(installed)


def test_a_plot_that_was_changed_no_longer_fits_the_report(installed: InstalledBundle) -> None:
    file = next((installed.folder / "evidence" / "plots").iterdir())
    edit(file, lambda text: text + "<!-- -->\n")
    write_evidence_hashes(installed.folder)
    with pytest.raises(CorruptBundle, match=r"report\.html"):
        verify_documents(installed)


@pytest.mark.parametrize("name", NAMES)
def test_a_document_that_is_missing_is_named(name: str, installed: InstalledBundle) -> None:
    (installed.folder / "evidence" / name).unlink()
    write_evidence_hashes(installed.folder)
    with pytest.raises(CorruptBundle, match=name):
        verify_documents(installed)


def test_documents_of_another_version_are_checked_by_their_hashes_alone(installed: InstalledBundle) -> None:
    listing = installed.folder / "evidence" / "hashes.json"
    edit(listing, lambda text: text.replace(f'"documents": {DOCUMENTS}', f'"documents": {DOCUMENTS + 1}'))
    assert not verify_documents(installed)
    edit(installed.folder / "evidence" / "claim.md", lambda text: text + "\n")
    with pytest.raises(CorruptBundle, match=r"claim\.md has another SHA-256"):
        verify_documents(installed)


def test_sealing_takes_the_notes_of_the_author_and_stays_whole(installed: InstalledBundle) -> None:
    evidence = installed.folder / "evidence"
    notes = "Contact: the department.\n\n## CLAIM 44\nNo funding.\n\n## Datasheet: Motivation\nFor teaching.\n"
    (evidence / "notes.md").write_text(notes)
    with pytest.raises(CorruptBundle, match="files that are not listed"):
        verify_documents(installed)
    assert seal(installed.folder) == evidence / "model_card.md"
    assert verify_documents(read_bundle(installed.folder))
    assert "Contact: the department." in (evidence / "model_card.md").read_text()
    assert "44. **Funding.** No funding.\n" in (evidence / "claim.md").read_text()
    assert "## Motivation\n\nFor teaching.\n" in (evidence / "datasheet.md").read_text()


def test_evidence_elsewhere_is_checked_too(installed: InstalledBundle, tmp_path: Path) -> None:
    place = shutil.copytree(installed.folder / "evidence", tmp_path / "elsewhere")
    assert verify_documents(installed, place)
    edit(place / "report.html", lambda text: text.replace("Summary", "Summery"))
    with pytest.raises(CorruptBundle, match=r"elsewhere/report\.html"):
        verify_documents(installed, place)


def test_an_older_evaluation_gives_a_card_and_nothing_else(installed: InstalledBundle) -> None:
    evidence = installed.folder / "evidence"
    study = json.loads((evidence / "evaluation.json").read_text())
    older = {key: study[key] for key in ("settings", "binary", "averages", "subgroups", "types")}
    (evidence / "evaluation.json").write_text(json.dumps(older))
    assert write_documents(installed, evidence) == (evidence / "model_card.md",)
    assert not (evidence / "report.html").exists()


def test_an_evaluation_that_is_none_is_refused(installed: InstalledBundle) -> None:
    (installed.folder / "evidence" / "evaluation.json").write_text("{}")
    write_evidence_hashes(installed.folder)
    with pytest.raises(BundleError, match=r"evaluation\.json: not an evaluation"):
        verify_documents(installed)


def test_checking_needs_the_base_installation_only() -> None:
    heavy = "matplotlib", "pyarrow", "sklearn", "scipy", "tensorflow", "onnxruntime"
    program = f"import sys, radiolens.validation.documents.seal; print(sorted({set(heavy)} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
