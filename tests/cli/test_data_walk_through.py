from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner

from radiolens.cli import cli
from radiolens.data.manifest import read_manifest
from radiolens.tasks import get_task
from tests.phantoms import chest_film, dicom
from tests.project.documents import text_of

FILM = np.rint(chest_film(48, 40) * 255).astype(np.uint8)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that docs/data.md walks through: films of 30 patients in class folders, a table of them, a study."""
    rows = ["Image,Finding"]
    for patient in range(30):
        for number in range(2):
            name = f"{'NORMAL' if patient % 2 else 'PNEUMONIA'}/p{patient}_{number}.png"
            (tmp_path / "films" / name).parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(2 * patient + number).integers(0, 256, (16, 16), np.uint8)
            PIL.Image.fromarray(pixels).save(tmp_path / "films" / name)
            rows.append(f"{name},{'No Finding' if patient % 2 else 'Pneumonia'}")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "IM1").write_bytes(dicom(FILM, PatientID="4711", PatientName="Doe^Jane"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_of_the_data_page_run_as_written(place: Path) -> None:
    blocks = re.findall(r"^```walkthrough\n(.*?)^```", text_of("docs/data.md"), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 5
    for line in lines:
        result = CliRunner().invoke(cli, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}\n{result.output}"
    task = get_task("chest-xray")
    cases = read_manifest(place / "films" / "split.csv", task).cases
    assert len({case.patient_id for case in cases}) == 30
    assert {case.split for case in cases} == {"train", "validation", "test"}
    assert {case.fold for case in cases if case.split != "test"} == {1, 2, 3}
    (study,) = read_manifest(place / "study" / "manifest.csv", task).cases
    assert re.fullmatch(r"[0-9a-f]{16}", study.patient_id)
    assert len(read_manifest(place / "table-manifest.csv", task).cases) == 60


@pytest.mark.slow  # loads TensorFlow
def test_training_refuses_a_leaking_manifest_by_its_exit_code_and_hashes(place: Path) -> None:
    (place / "films" / "leaking.csv").write_text(
        "path,source,patient_id,split,label:pneumonia\n"
        "NORMAL/p1_0.png,guangzhou,Jane,train,0\nNORMAL/p1_1.png,guangzhou,Jane,test,0\n"
    )
    result = CliRunner().invoke(cli, ["train", "chest_xray", "--data", "films/leaking.csv", "--runs", "runs"])
    assert result.exit_code == 1
    assert "radiolens: 1 patients or duplicate groups stand in more than one split: " in result.stderr
    assert "cut anew with `radiolens data split`" in result.stderr
    assert "Jane" not in result.output
