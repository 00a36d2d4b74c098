"""`radiolens evaluate` with a real, tiny bundle and generated films."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from radiolens.bundle import verify_evidence
from radiolens.cli.evaluate import command
from radiolens.data.manifest import Case, Manifest, write_manifest
from radiolens.errors import DatasetError
from radiolens.tasks import get_task
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle

SPLITS = ("train", "test", "external")


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


def test_it_writes_the_study_the_answers_and_the_curves_and_prints_a_table(
    bundle: str, manifest: str, tmp_path: Path
) -> None:
    run = CliRunner().invoke(command, [bundle, manifest, "--output", str(tmp_path / "out"), "--resamples", "20"])
    assert run.exit_code == 0, run.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"evaluation.json", "predictions.parquet", "curves.png"}
    head, row, lowest = run.stdout.splitlines()
    assert lowest.startswith("pneumonia, hospital of test: lowest AUROC by sex: F (22 images) 0.")
    assert head.split()[:2] == ["question", "source"]
    assert row.split()[:6] == ["pneumonia", "hospital", "of", "test", "12", "12"]
    assert "written:" in run.stderr
    for stage in ("Scoring: 24 of 24", "Reading training images for the control: 24 of 24", "Measuring: 1 of 1"):
        assert stage in run.stderr


def test_with_json_stdout_holds_evaluation_json_and_nothing_else(bundle: str, manifest: str, tmp_path: Path) -> None:
    options = ["--split", "test", "--split", "external", "--output", str(tmp_path), "--seed", "3", "--resamples", "20"]
    run = CliRunner().invoke(command, [bundle, manifest, *options, "--json"])
    assert run.exit_code == 0, run.output
    content = json.loads(run.stdout)
    assert content == json.loads((tmp_path / "evaluation.json").read_text())
    assert [entry["source"] for entry in content["binary"]] == ["all", "hospital of external", "hospital of test"]
    assert content["binary"][0]["controls"]["trained_on"] == "24 training cases, source all"
    assert content["settings"]["splits"] == ["test", "external"]
    assert (content["settings"]["seed"], content["settings"]["cases"]) == (3, 48)


def test_folds_and_sources_choose_the_cases(bundle: str, manifest: str, tmp_path: Path) -> None:
    options = ["--fold", "0", "--source", "hospital of train", "--output", str(tmp_path), "--resamples", "5", "--json"]
    run = CliRunner().invoke(command, [bundle, manifest, *options])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["settings"]["cases"] == len(range(0, 24, 5))


def test_a_part_without_cases_is_named(bundle: str, manifest: str, tmp_path: Path) -> None:
    options = ["--split", "validation", "--output", str(tmp_path)]
    run = CliRunner().invoke(command, [bundle, manifest, *options])
    assert isinstance(run.exception, DatasetError)
    assert "none of 72 cases has split validation" in str(run.exception)


def test_a_bundle_that_does_not_exist_is_wrong_usage_and_the_released_ones_are_named(
    manifest: str, tmp_path: Path
) -> None:
    run = CliRunner().invoke(command, ["nothing", manifest, "--output", str(tmp_path)])
    assert run.exit_code == 2
    assert "nothing: neither a bundle's folder nor one of" in run.stderr


def test_the_evidence_of_the_bundle_gets_its_list_of_hashes(manifest: str, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path)
    run = CliRunner().invoke(
        command, [str(folder), manifest, "--output", str(folder / "evidence"), "--resamples", "5", "--json"]
    )
    assert run.exit_code == 0, run.output
    verify_evidence(folder)
    listed = json.loads((folder / "evidence" / "hashes.json").read_text())["files"]
    assert set(listed) == {"evaluation.json", "predictions.parquet", "curves.png"}
    settings = json.loads(run.stdout)["settings"]
    assert (settings["name"], settings["version"]) == ("chest-xray", "0.0.1")
    assert settings["versions"]["numpy"] == np.__version__


def test_the_table_tells_the_mean_over_sources(bundle: str, manifest: str, tmp_path: Path) -> None:
    options = ["--split", "test", "--split", "external", "--output", str(tmp_path), "--resamples", "20"]
    run = CliRunner().invoke(command, [bundle, manifest, *options])
    assert run.exit_code == 0, run.output
    assert "pneumonia: mean sensitivity of hospital of external, hospital of test: " in run.stdout


def test_a_bundle_of_the_site_is_found_by_its_name(
    manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bundle(tmp_path / "bundles", version="9.0.0")
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path))
    run = CliRunner().invoke(
        command, ["chest-xray", manifest, "--output", str(tmp_path / "out"), "--resamples", "5", "--json"]
    )
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["settings"]["version"] == "9.0.0"
