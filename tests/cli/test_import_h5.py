"""`radiolens import-h5` and `export --format`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from tests.hostile_keras import dense, flatten, honest_h5, hostile_files, write_h5
from tests.tiny_bundle import make_bundle


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home of its own, and an empty working folder."""
    monkeypatch.setenv("RADIOLENS_HOME", "../home")  # relative, as a user may set it
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def radiolens(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_a_known_file_in_the_working_folder_is_imported_verified_and_given_back(home: Path) -> None:
    write_h5(Path("pneumonia_model.h5"), flatten(), dense())
    found = radiolens("import-h5", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    folder = home / "bundles" / "pneumonia_model" / "1.0.0"
    assert (told["name"], told["labels"]) == ("pneumonia_model", ["pneumonia"])
    assert Path(told["folder"]).resolve() == folder
    assert told["explanation"] == "occlusion-map"
    assert told["largest_difference"] < 1e-4
    assert "building the network: 0 of 4" in found.stderr
    assert radiolens("bundle", "verify", folder).exit_code == 0
    again = radiolens("import-h5", "pneumonia_model.h5")
    assert again.exit_code == 0, again.output
    assert "differs from Keras by at most" in again.stderr
    assert "It was there already." in again.stderr
    back = radiolens("export", "--format", "h5", folder, "back.h5")
    assert back.stdout == "written: back.h5\n", back.output
    assert radiolens("export", "--format", "h5", folder, "back.h5").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "The working folder holds none of the known files"),
        (["other.h5"], "--task and --labels are needed"),
        (["braintumor.h5", "--task", "brain-mri"], "--task and --labels are needed"),
        (["other.h5", "--task", "nothing", "--labels", "a"], "Unknown task 'nothing'"),
        (["other.h5", "--task", "chest-xray", "--labels", "a", "--scale", "large"], "'large' is not one of"),
    ],
)
def test_wrong_usage_says_what_is_needed(arguments: list[str], message: str, home: Path) -> None:
    found = radiolens("import-h5", *arguments)
    assert found.exit_code == 2
    assert message in found.stderr
    assert not home.exists()


@pytest.mark.parametrize(
    "name", ["lambda.h5", "declared_5_gb.h5", "external_storage.h5", "zip_bomb.keras", "truncated.h5"]
)
def test_a_hostile_file_is_one_sentence_and_leaves_nothing(name: str, home: Path, tmp_path: Path) -> None:
    file, _ = hostile_files(tmp_path / "work", tmp_path / "canary")[name]
    found = radiolens("import-h5", file, "--task", "chest-xray", "--labels", "pneumonia")
    assert found.exit_code == 1
    assert found.stderr.startswith(f"radiolens: {file}: ")
    assert len(found.stderr.splitlines()) == 1
    assert found.stdout == ""
    assert not (tmp_path / "canary").exists()
    assert not (home / "bundles").exists()
    assert list((home / "importing").iterdir()) == []


def test_labels_of_another_task_are_refused_before_anything_is_read(home: Path) -> None:
    honest_h5(Path("mine.h5"))
    found = radiolens("import-h5", "mine.h5", "--task", "chest-xray", "--labels", "glioma")
    assert found.exit_code == 1
    assert "The labels glioma do not fit chest-xray, whose labels are pneumonia, tuberculosis" in found.stderr
    assert not home.exists()


def test_any_bundle_is_given_back_as_onnx_and_only_imported_ones_as_keras(home: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundles")
    assert radiolens("export", "--format", "onnx", bundle, "out.onnx").stdout == "written: out.onnx\n"
    found = radiolens("export", "--format", "keras", bundle, "out.keras")
    assert found.exit_code == 1
    assert "given back from the folder of their run, or as onnx" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "h5", "one"], "--format h5 needs two places: the SOURCE, and the FILE to write"),
        (["chest_xray", "network.keras"], "A bundle needs EXPERIMENT, NETWORK and FOLDER, --data and --version"),
        (["chest_xray", "none.keras", "new", "--data", ".", "--version", "1.0.0"], "none.keras is no file"),
    ],
)
def test_export_says_which_places_it_needs(arguments: list[str], message: str, home: Path) -> None:
    found = radiolens("export", *arguments)
    assert found.exit_code == 2
    assert message in found.stderr.replace("\n", " ")
