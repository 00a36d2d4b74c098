"""`radiolens bundle verify` and `seal`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from radiolens.bundle import read_bundle
from radiolens.cli import cli
from tests.tiny_bundle import make_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path)


def test_a_sealed_bundle_is_whole(folder: Path) -> None:
    sealed = CliRunner().invoke(cli, ["bundle", "seal", str(folder)])
    assert (sealed.exit_code, sealed.output) == (0, f"written: {folder}/evidence/model_card.md\n")
    checked = CliRunner().invoke(cli, ["bundle", "verify", str(folder)])
    assert (checked.exit_code, checked.output) == (0, f"chest-xray 0.0.1 is whole: {read_bundle(folder).sha256}\n")


def test_a_bundle_without_sealed_evidence_is_not_whole(folder: Path) -> None:
    found = CliRunner().invoke(cli, ["bundle", "verify", str(folder)])
    assert found.exit_code == 1
    assert "no list of hashes" in found.output


@pytest.mark.parametrize("name", ["bundle.json", "model.onnx", "evidence/model_card.md"])
def test_a_changed_file_is_named_with_exit_code_1(name: str, folder: Path) -> None:
    CliRunner().invoke(cli, ["bundle", "seal", str(folder)])
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    found = CliRunner().invoke(cli, ["bundle", "verify", str(folder)])
    assert found.exit_code == 1
    assert "expected" in found.output
    assert "Install the bundle again." in found.output


def test_a_missing_folder_is_wrong_usage(tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["bundle", "verify", str(tmp_path / "none")]).exit_code == 2
