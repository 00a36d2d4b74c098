"""Beside a heat map stands what was measured of such maps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from radiolens.bundle import RELEASED, InstalledBundle, find_bundles, read_bundle, write_evidence_hashes
from radiolens.web.map_evidence import map_evidence
from tests.tiny_bundle import make_imported


def released(name: str) -> InstalledBundle:
    return read_bundle(find_bundles([RELEASED])[name])


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a copy of the released brain-mri that a test may change."""
    folder = tmp_path / "brain-mri" / "0.1.0"
    shutil.copytree(released("brain-mri").folder, folder)
    return folder


def edit(folder: Path, low: float) -> None:
    """Set the lower end of the difference to the picture's middle, of all maps and labels."""
    file = folder / "evidence" / "evaluation.json"
    content = json.loads(file.read_text())
    for row in content["explanations"]["localisation"]:
        for prior in row["priors"]:
            prior["near_difference"]["low"] = low
    file.write_text(json.dumps(content))


def test_the_reader_of_a_brain_slice_is_told_how_often_the_map_finds_the_tumour_and_warned_if_not() -> None:
    rows = json.loads((released("brain-mri").folder / "evidence" / "evaluation.json").read_text())["explanations"]
    row = next(row for row in rows["localisation"] if row["label"] == "all" and row["maps"] == "activation map")
    told = map_evidence(released("brain-mri"))
    assert f"Measured on {row['cases']} images" in told
    assert f"in {100 * row['near']['estimate']:.0f} %, the middle of the picture" in told
    (low,) = [prior["near_difference"]["low"] for prior in row["priors"] if prior["name"] == "image centre"]
    assert told.endswith("Do not take the map for the place of a finding.") is (low <= 0)


def test_of_films_it_says_that_nothing_was_measured() -> None:
    assert map_evidence(released("chest-xray")) == "Whether such maps find the place of a finding was not measured."


def test_a_map_that_does_better_than_the_middle_gets_no_warning(own: Path) -> None:
    edit(own, low=0.1)
    write_evidence_hashes(own)
    told = map_evidence(read_bundle(own))
    assert told.startswith("Measured on")
    assert "Do not" not in told


def test_a_map_that_does_no_better_than_the_middle_gets_one(own: Path) -> None:
    edit(own, low=-0.1)
    write_evidence_hashes(own)
    assert map_evidence(read_bundle(own)).endswith("Do not take the map for the place of a finding.")


def test_evidence_that_was_changed_is_not_quoted(own: Path) -> None:
    edit(own, low=0.1)
    assert map_evidence(read_bundle(own)) == ""


def test_a_bundle_without_evidence_and_an_imported_one_have_nothing_to_say(own: Path, tmp_path: Path) -> None:
    shutil.rmtree(own / "evidence")
    assert map_evidence(read_bundle(own)) == ""
    assert map_evidence(read_bundle(make_imported(tmp_path))) == ""
