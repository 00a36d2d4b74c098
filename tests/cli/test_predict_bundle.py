"""`radiolens predict --bundle` and `radiolens tasks`: bundles of the site beside the released ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from radiolens.bundle import read_bundle
from radiolens.cli import cli
from radiolens.inference.record import KEYS
from tests.cli.test_predict import rows, save_film
from tests.tiny_bundle import make_bundle, make_imported


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a site's bundles, with two imported ones."""
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path / "home"))
    place = tmp_path / "home" / "bundles"
    make_imported(place)
    make_imported(place, "Tuberculosis_model", "chest-xray", ["tuberculosis"], (64, 64, 3), seed=1)
    return place


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return save_film(tmp_path / "film.png")


def ask(film: Path, *arguments: object) -> list[dict[str, Any]]:
    result = run("predict", film, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return rows(result)


def test_the_named_bundle_answers_and_says_that_it_is_not_calibrated(bundles: Path, film: Path) -> None:
    (row,) = ask(film, "--task", "chest-xray", "--bundle", "Tuberculosis_model")
    assert tuple(row) == KEYS
    sha256 = read_bundle(bundles / "Tuberculosis_model" / "0.0.1").sha256
    named = {"name": "Tuberculosis_model", "version": "0.0.1", "sha256": sha256, "calibrated": False}
    assert row["bundle"] == named
    assert [finding["label"] for finding in row["findings"]] == ["tuberculosis"]
    (released,) = ask(film, "--task", "chest-xray")
    assert released["bundle"].keys() == {"name", "version", "sha256"}
    assert released["bundle"]["name"] == "chest-xray"


def test_a_bundle_names_its_task(bundles: Path, film: Path) -> None:
    assert [row["task"] for row in ask(film, "--bundle", "braintumor")] == ["brain-mri"]


@pytest.mark.usefixtures("bundles")
def test_people_are_told_with_every_line_and_once_what_the_maps_are(film: Path) -> None:
    result = run("predict", film, film, "--bundle", "braintumor")
    assert result.stdout.count("; scores of an imported network, not calibrated") == 2
    assert result.stderr.count("radiolens has not measured how often it is right") == 1
    assert result.stderr.count("occlusion maps") == 1
    plain = run("predict", film, "--task", "chest-xray")
    assert "imported" not in plain.output
    assert "occlusion" not in plain.output


@pytest.mark.usefixtures("bundles")
def test_the_table_tells_scores_from_calibrated_probabilities(film: Path, tmp_path: Path) -> None:
    told = []
    for number, arguments in enumerate((["--task", "chest-xray"], ["--bundle", "Tuberculosis_model"])):
        file = tmp_path / f"{number}.csv"
        run("predict", film, tmp_path / "none.png", *arguments, "--output", file)
        with file.open(newline="", encoding="utf-8") as stream:
            told.append([row["calibrated"] for row in csv.DictReader(stream)])
    assert told == [["true", "true", ""], ["false", ""]]


@pytest.mark.usefixtures("bundles")
def test_heat_maps_are_written_for_a_network_without_feature_map(film: Path, tmp_path: Path) -> None:
    ask(film, "--bundle", "braintumor", "--heatmaps", tmp_path / "maps")
    names = sorted(file.name for file in (tmp_path / "maps").iterdir())
    assert [name.split(".png-")[1] for name in names] == [
        f"occlusion-{label}.png" for label in ("glioma", "meningioma", "no_tumour", "pituitary")
    ]


@pytest.mark.usefixtures("bundles")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bundle", "lung"], "There is no bundle 'lung'. Bundles: brain-ct, brain-mri, chest-xray"),
        (["--bundle", "braintumor", "--task", "chest-xray"], "answers brain-mri, not chest-xray."),
        (["--bundle", "braintumor", "--no-gate"], "--no-gate needs a named task"),
    ],
)
def test_a_bundle_that_does_not_answer_is_wrong_usage(film: Path, arguments: list[str], message: str) -> None:
    result = run("predict", film, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())


def test_a_broken_bundle_fails_where_it_is_asked_for_and_nowhere_else(bundles: Path, film: Path) -> None:
    (bundles / "braintumor" / "0.0.1" / "model.onnx").write_bytes(b"cut")
    (bundles / "Tuberculosis_model" / "0.0.1" / "bundle.json").write_bytes(b"{")
    for name, reason in (("braintumor", "has another SHA-256"), ("Tuberculosis_model", "not a bundle of format 1")):
        result = run("predict", film, "--bundle", name)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"radiolens: The bundle {name} 0.0.1 cannot be used." in result.stderr
        assert reason in result.stderr
    (row,) = ask(film, "--task", "chest-xray")
    assert row["status"] == "answered"


def test_a_profile_decides_on_an_imported_bundle_and_on_no_other(bundles: Path, film: Path, tmp_path: Path) -> None:
    sha256 = read_bundle(bundles / "Tuberculosis_model" / "0.0.1").sha256
    content = {"site": "c", "bundle_sha256": sha256, "thresholds": {"tuberculosis": 0.0}, "evidence": "none"}
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps(content))
    (row,) = ask(film, "--bundle", "Tuberculosis_model", "--profile", profile)
    assert (row["findings"][0]["threshold"], row["findings"][0]["presence"]) == (0.0, "present")
    for arguments in (["--bundle", "braintumor"], ["--task", "chest-xray"]):
        refused = run("predict", film, *arguments, "--profile", profile)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "--profile" in refused.stderr


def test_the_tasks_list_every_bundle_and_say_which_must_be_named(bundles: Path) -> None:
    make_bundle(bundles, version="99.0.0")
    listed = [json.loads(line) for line in run("tasks", "--json").stdout.splitlines()]
    told = {row["name"]: [(entry["name"], entry["default"]) for entry in row["bundles"]] for row in listed}
    assert told == {
        "chest-xray": [("chest-xray", True), ("Tuberculosis_model", False)],
        "brain-mri": [("brain-mri", True), ("braintumor", False)],
        "brain-ct": [("brain-ct", True)],
    }
    assert listed[0]["bundles"][0]["version"] == "99.0.0"
    text = run("tasks").stdout
    assert "by chest-xray 99.0.0 (pneumonia, tuberculosis)" in text
    assert (
        "by braintumor 0.0.1 (glioma, meningioma, no_tumour, pituitary, imported: not calibrated, not measured by "
        "radiolens, asked for by --bundle braintumor)"
    ) in text
    (bundles / "braintumor" / "0.0.1" / "bundle.json").write_bytes(b"{")
    assert "braintumor 0.0.1 cannot be used." in run("tasks").stderr
