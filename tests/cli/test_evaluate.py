"""`radiolens evaluate` with a real, tiny bundle and generated films."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from radiolens.bundle import read_bundle
from radiolens.cli.evaluate import command
from radiolens.data.manifest import Case, Manifest, write_manifest
from radiolens.errors import DatasetError
from radiolens.tasks import get_task
from radiolens.validation.documents.figures import SECTIONS
from radiolens.validation.documents.seal import verify_documents
from radiolens.validation.plan import Plan
from tests.phantoms import chest_film
from tests.project.source_tree import PACKAGE
from tests.tiny_bundle import make_bundle

SPLITS = ("train", "test", "external")
DOCUMENTS = {"report.html", "model_card.md", "datasheet.md", "claim.md"}
LONG = ("feature-studies", "robustness", "explanations")
QUICK = ("--resamples", "20", *(word for name in LONG for word in ("--skip", name)))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_bundle(tmp_path_factory.mktemp("bundles")))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a manifest of 24 films for each of three splits, each second one with pneumonia."""
    folder = tmp_path_factory.mktemp("films")
    cases = []
    for number in range(24 * len(SPLITS)):
        Image.fromarray(np.rint(chest_film(40, 40, number) * 255).astype(np.uint8)).save(folder / f"{number}.png")
        split = SPLITS[number // 24]
        labels = {"pneumonia": number % 2, "tuberculosis": None}
        cases.append(
            Case(
                path=f"{number}.png",
                source=f"hospital of {split}",
                split=split,
                fold=number % 5,
                labels=labels,
                sex="F" if number % 12 else "M",
            )
        )
    file = folder / "manifest.csv"
    write_manifest(Manifest(file, get_task("chest-xray"), tuple(cases)), file)
    return str(file)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the forests of the controls have few trees, which are most of the time and no matter of the command."""
    monkeypatch.setattr("radiolens.validation.study.Plan", partial(Plan, trees=5))


def evaluate(bundle: str, manifest: str, output: Path, *options: str) -> Result:
    return CliRunner().invoke(command, [bundle, manifest, "--output", str(output), *QUICK, *options])


def told(run: Result) -> dict[str, Any]:
    """Return what a run with --json printed."""
    assert run.exit_code == 0, run.output
    content: dict[str, Any] = json.loads(run.stdout)
    return content


def test_it_writes_the_whole_folder_and_prints_a_table(bundle: str, manifest: str, tmp_path: Path) -> None:
    run = evaluate(bundle, manifest, tmp_path / "out", "--split", "test")
    assert run.exit_code == 0, run.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {*DOCUMENTS, "evaluation.json", "predictions.parquet", "plots", "hashes.json"}
    head, row, *_ = run.stdout.splitlines()
    assert head.split()[:2] == ["question", "source"]
    assert row.split()[:6] == ["pneumonia", "hospital", "of", "test", "12", "12"]
    assert "written:" in run.stderr
    for stage in ("Scoring: 24 of 24", "Reading training images for the control: 24 of 24", "Measuring: 1 of 1"):
        assert stage in run.stderr


def test_by_default_test_and_external_cases_are_scored_and_json_is_evaluation_json_and_nothing_else(
    bundle: str, manifest: str, tmp_path: Path
) -> None:
    content = told(evaluate(bundle, manifest, tmp_path, "--seed", "3", "--json"))
    assert content == json.loads((tmp_path / "evaluation.json").read_text())
    assert [entry["source"] for entry in content["binary"]] == ["all", "hospital of external", "hospital of test"]
    assert content["binary"][0]["controls"]["trained_on"] == "24 training cases, source all"
    assert content["settings"]["splits"] == ["test", "external"]
    assert (content["settings"]["seed"], content["settings"]["cases"]) == (3, 48)


def test_folds_and_sources_choose_the_cases(bundle: str, manifest: str, tmp_path: Path) -> None:
    content = told(evaluate(bundle, manifest, tmp_path, "--fold", "0", "--source", "hospital of train", "--json"))
    assert content["settings"]["cases"] == len(range(0, 24, 5))


def test_a_part_without_cases_is_named(bundle: str, manifest: str, tmp_path: Path) -> None:
    run = evaluate(bundle, manifest, tmp_path, "--split", "validation")
    assert isinstance(run.exception, DatasetError)
    assert "none of 72 cases has split validation" in str(run.exception)


def test_a_bundle_that_does_not_exist_is_wrong_usage_and_the_released_ones_are_named(
    manifest: str, tmp_path: Path
) -> None:
    run = evaluate("nothing", manifest, tmp_path)
    assert run.exit_code == 2
    assert "nothing: neither a bundle's folder nor one of" in run.stderr


def test_studies_are_chosen_by_only_and_skip_and_the_rest_is_null(bundle: str, manifest: str, tmp_path: Path) -> None:
    content = told(evaluate(bundle, manifest, tmp_path, "--json"))
    assert content["settings"]["sections"] == []
    assert [content[name] for name in SECTIONS] == [None] * len(SECTIONS)
    assert "Not measured in this evaluation." in (tmp_path / "report.html").read_text()


def test_a_comparison_needs_another_bundle(bundle: str, manifest: str, tmp_path: Path) -> None:
    run = evaluate(bundle, manifest, tmp_path, "--only", "comparison")
    assert run.exit_code == 2
    assert "Name the other one with --against." in run.stderr


def test_the_evidence_of_a_bundle_is_whole_afterwards(manifest: str, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path)
    content = told(evaluate(str(folder), manifest, folder / "evidence", "--json"))
    assert verify_documents(read_bundle(folder))
    listed = json.loads((folder / "evidence" / "hashes.json").read_text())["files"]
    assert {name for name in listed if "/" not in name} == {*DOCUMENTS, "evaluation.json", "predictions.parquet"}
    assert "plots/roc-pneumonia.svg" in listed
    settings = content["settings"]
    assert (settings["name"], settings["version"]) == ("chest-xray", "0.0.1")
    assert settings["versions"]["numpy"] == np.__version__


def test_the_table_tells_the_mean_over_sources(bundle: str, manifest: str, tmp_path: Path) -> None:
    run = evaluate(bundle, manifest, tmp_path)
    assert run.exit_code == 0, run.output
    assert "pneumonia: mean sensitivity of hospital of external, hospital of test: " in run.stdout


def test_a_bundle_of_the_site_is_found_by_its_name(
    manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bundle(tmp_path / "bundles", version="9.0.0")
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path))
    content = told(evaluate("chest-xray", manifest, tmp_path / "out", "--json"))
    assert content["settings"]["version"] == "9.0.0"


def test_pictures_of_the_largest_errors_come_in_a_page_of_their_own(bundle: str, manifest: str, tmp_path: Path) -> None:
    content = told(evaluate(bundle, manifest, tmp_path, "--pictures", "--json"))
    page = (tmp_path / "pictures.html").read_text()
    assert page.count("data:image/jpeg") == len(content["largest_errors"]) > 0
    assert "image/jpeg" not in (tmp_path / "report.html").read_text()


def test_pictures_never_go_into_a_bundle_or_the_package(manifest: str, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path)
    for place in (folder / "evidence", PACKAGE / "bundles" / "new"):
        run = evaluate(str(folder), manifest, place, "--pictures")
        assert isinstance(run.exception, DatasetError)
        assert "pictures of a data set must not be" in str(run.exception)
        assert not place.exists()
