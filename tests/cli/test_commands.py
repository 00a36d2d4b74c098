from __future__ import annotations

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner, Result

from radiolens.cli import COMMANDS, cli
from radiolens.inference.record import KEYS
from tests.phantoms import chest_film


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def film(tmp_path: Path) -> Path:
    file = tmp_path / "film.png"
    PIL.Image.fromarray(np.rint(chest_film() * 255).astype(np.uint8)).save(file)
    return file


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage:")


def test_tasks_are_listed() -> None:
    rows = [json.loads(line) for line in run("tasks", "--json").output.splitlines()]
    assert [row["name"] for row in rows] == ["chest-xray", "brain-mri", "brain-ct"]
    assert rows[0]["labels"][1] == {"name": "tuberculosis", "released": True, "youngest_age": 15}
    told = run("tasks").output
    assert "tumour (not released: There is no adequate public data" in told
    assert "tuberculosis (from 15 years on)" in told


def test_predict_gives_one_object_a_line_in_order(film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    listed = tmp_path / "list.txt"
    listed.write_text(f"{film}\n{broken}\n")
    table = tmp_path / "out.csv"
    maps = tmp_path / "maps"
    result = run("predict", f"@{listed}", film, "--task", "chest-xray", "--json", "--output", table, "--heatmaps", maps)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [tuple(row) for row in rows] == [KEYS] * 3
    assert [row["status"] for row in rows] == ["answered", "unreadable", "answered"]
    assert rows[0]["findings"] == rows[2]["findings"]
    assert result.exit_code == 1
    with table.open() as stream:
        assert len(list(csv.reader(stream))) == 6
    assert len(list(maps.iterdir())) == 4


def test_refused_is_not_an_error(film: Path) -> None:
    result = run("predict", film)
    assert result.exit_code == 0
    assert "refused" in result.output


def test_a_zip_is_unpacked(film: Path, tmp_path: Path) -> None:
    archive = tmp_path / "films.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.write(film, "a.png")
        stream.write(film, "b.png")
    result = run("predict", archive, "--task", "brain-mri", "--json")
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == ["answered", "answered"]


def test_a_zip_of_macos_is_answered_for_its_images_alone(film: Path, tmp_path: Path) -> None:
    archive = tmp_path / "mac.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.write(film, "films/a.png")
        for name in ("__MACOSX/films/._a.png", "films/.DS_Store", "README.TXT", "DICOMDIR"):
            stream.writestr(name, b"no image")
    result = run("predict", archive, "--task", "brain-mri", "--json")
    assert [json.loads(line)["path"] for line in result.stdout.splitlines()] == [f"{archive}/films/a.png"]
    assert result.exit_code == 0
    alone = tmp_path / "README.TXT"
    alone.write_bytes(b"no image")
    assert run("predict", alone, "--task", "brain-mri").exit_code == 1


def test_wrong_usage_is_told(film: Path) -> None:
    assert run("predict", film, "--no-gate").exit_code == 2
    assert run("predict", film, "--output", "x.xlsx").exit_code == 2
    assert run("predict").exit_code == 2
    assert run("prognose").exit_code == 2


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    result = run("predict", tmp_path / "none.png", "--task", "chest-xray")
    assert result.exit_code == 1
    assert "cannot be opened" in result.output


def test_a_manifest_is_split_by_patient(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    rows = "".join(f"{number}.png,{number // 2},{number % 4 // 2}\n" for number in range(80))
    manifest.write_text("path,patient_id,label:pneumonia\n" + rows)
    result = run("data", "split", "chest-xray", manifest, tmp_path / "split.csv")
    assert result.exit_code == 0, result.output
    with (tmp_path / "split.csv").open() as stream:
        splits = [row["split"] for row in csv.DictReader(stream)]
    assert splits[::2] == splits[1::2]
    assert {"train", "validation", "test"} == set(splits)


def test_an_expected_error_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "radiolens", "data", "import", "brain-mri", str(tmp_path), str(tmp_path / "m.csv")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("radiolens: ")
    assert "Traceback" not in result.stderr
