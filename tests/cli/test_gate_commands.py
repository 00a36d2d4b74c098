from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from radiolens.image import Image, Source, Unit
from radiolens.inference.gate_network import GateNetwork
from radiolens.safety.sight import Kind
from radiolens.validation.gate.evidence import write_gate_evidence
from radiolens.validation.gate.pictures import Asked
from radiolens.validation.gate.study import Answers, answers_of, study_of
from tests.shared_data import SHARED, needs_shared_data
from tests.tiny_gate import make_gate


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """The folder of a tiny gate with evidence on one picture."""
    folder = make_gate(tmp_path)
    network = GateNetwork.open(folder)
    pixels = np.random.default_rng(0).random((1, 90, 90)).astype(np.float32)
    picture = Asked(Image(pixels, Unit.UNIT_INTERVAL, Source("png")), Kind.CHEST_FRONTAL, "nih", "one.png")
    said = answers_of(network, [picture])
    study = study_of({"command": "radiolens evaluate-gate"}, Answers(said, said, said, said), [])
    write_gate_evidence(study, network.installed, folder / "evidence")
    return folder


def test_verify_knows_a_gate(measured: Path) -> None:
    found = run("bundle", "verify", measured)
    assert found.exit_code == 0, found.output
    assert f"gate 0.0.1 is whole: {GateNetwork.open(measured).installed.sha256}" in found.output


def test_verify_finds_a_page_that_was_edited_and_seal_writes_it_anew(measured: Path) -> None:
    page = measured / "evidence" / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace("nih", "everywhere"), encoding="utf-8")
    assert run("bundle", "verify", measured).exit_code == 1
    assert str(page) in run("bundle", "seal", measured).output
    assert "everywhere" not in page.read_text(encoding="utf-8")
    assert run("bundle", "verify", measured).exit_code == 0


def test_a_folder_that_is_no_gate_is_refused(tmp_path: Path) -> None:
    found = run("evaluate-gate", tmp_path, "--gate", tmp_path, "--output", tmp_path / "out")
    assert found.exit_code == 1
    assert "there is no bundle.json" in found.output


def test_collections_that_are_not_there_are_told(tmp_path: Path) -> None:
    found = run("evaluate-gate", tmp_path, "--gate", make_gate(tmp_path), "--output", tmp_path / "out")
    assert found.exit_code == 1
    assert "there is no manifest.csv in this folder" in found.output


@pytest.mark.slow
@needs_shared_data
def test_a_gate_is_measured_by_one_command(tmp_path: Path) -> None:
    arguments = ["evaluate-gate", SHARED, "--gate", make_gate(tmp_path), "--output", tmp_path / "out"]
    few = ["--largest", 1, "--defective", 1, "--drawn", 1]
    told = run(*arguments, *few)
    assert told.exit_code == 0, told.output
    assert "natural" in told.output
    assert "right code" in told.output
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    assert written["settings"]["largest"] == 1
    assert {row["group"] for row in written["others"]} == {"natural", "chest-ct-figure", "chest-lateral"}
